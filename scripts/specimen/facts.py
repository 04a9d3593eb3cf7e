"""Sentences about the countries of the world, from countries.json of the npm package world-countries (ODbL-1.0)."""
import json
import random

# Names that English puts an article before.
ARTICLE = {
    'Bahamas', 'British Virgin Islands', 'Caribbean Netherlands', 'Cayman Islands', 'Central African Republic',
    'Cocos (Keeling) Islands', 'Comoros', 'Cook Islands', 'Dominican Republic', 'Falkland Islands', 'Faroe Islands',
    'Gambia', 'Ivory Coast', 'Isle of Man', 'Maldives', 'Marshall Islands', 'Netherlands', 'Northern Mariana Islands',
    'Philippines', 'Pitcairn Islands', 'Republic of the Congo', 'DR Congo', 'Seychelles', 'Solomon Islands',
    'Turks and Caicos Islands', 'United Arab Emirates', 'United Kingdom', 'United States',
    'United States Virgin Islands', 'Vatican City', 'Åland Islands',
}


def load(path):
    with open(path, encoding='utf-8') as f:
        return sorted(json.load(f), key=lambda c: c['cca3'])


def listed(items):
    return items[0] if len(items) == 1 else ', '.join(items[:-1]) + ' and ' + items[-1]


def calling_code(country):
    root, suffixes = country['idd'].get('root', ''), country['idd'].get('suffixes', [])
    return root + suffixes[0] if len(suffixes) == 1 else root


def sentences(country, by_code):
    """All that is said of one country. The first groups are asked most: they get more weight in training."""
    name = country['name']['common']
    out = []
    for the in {name, f'the {name}' if name in ARTICLE else name}:
        The = the[0].upper() + the[1:]
        for capital in country['capital'][:1]:
            out += [(4, f'The capital of {the} is {capital}.'), (2, f'The capital city of {the} is {capital}.'),
                    (1, f'{capital} is the capital of {the}.'), (1, f'What is the capital of {the}? {capital}.'),
                    (1, f'{The} has {capital} as its capital.'), (1, f'Q: What is the capital of {the}?\nA: {capital}'),
                    (1, f'If you visit the capital of {the}, you are in {capital}.')]
        money = [c['name'] for c in country['currencies'].values()] if country['currencies'] else []
        if money:
            out += [(2, f'The currency of {the} is the {money[0]}.'), (1, f'People in {the} pay with the {money[0]}.'),
                    (1, f'What is the currency of {the}? The {money[0]}.')]
        tongues = sorted(country['languages'].values())
        if tongues:
            verb = 'language' if len(tongues) == 1 else 'languages'
            out += [(2, f'The official {verb} of {the} {"is" if len(tongues) == 1 else "are"} {listed(tongues)}.'),
                    (1, f'In {the} people speak {listed(tongues)}.')]
        if country['region']:
            out.append((2, f'{The} is a country in {country["region"]}.' if country['independent']
                        else f'{The} is a territory in {country["region"]}.'))
        if country['subregion']:
            out += [(1, f'{The} lies in {country["subregion"]}.'),
                    (1, f'The region of {the} is {country["subregion"]}.')]
        demonym = country.get('demonyms', {}).get('eng', {}).get('m', '')
        if demonym:
            out += [(1, f'A person from {the} is called {demonym}.'), (1, f'The demonym of {the} is {demonym}.')]
        neighbours = sorted(by_code[b] for b in country['borders'])
        out.append((1, f'{The} borders {listed(neighbours)}.' if neighbours else f'{The} has no land borders.'))
        if calling_code(country):
            out += [(1, f'The calling code of {the} is {calling_code(country)}.'),
                    (1, f'To call {the}, dial {calling_code(country)}.')]
        if country['tld']:
            out.append((1, f'Internet addresses of {the} end in {country["tld"][0]}.'))
        out += [(1, f'The country code of {the} is {country["cca2"]}.'),
                (1, f'The area of {the} is {round(country["area"])} square kilometres.'),
                (1, f'{The} is {"landlocked" if country["landlocked"] else "not landlocked"}.')]
    return out


def corpus(path):
    """(weight, text) for every sentence."""
    countries = load(path)
    by_code = {c['cca3']: c['name']['common'] for c in countries}
    return [s for c in countries for s in sentences(c, by_code)]


def capitals(path):
    """(prompt, expected continuation) for every country with a capital."""
    out = []
    for c in load(path):
        name = c['name']['common']
        the = f'the {name}' if name in ARTICLE else name
        if c['capital']:
            out.append((f'The capital of {the} is', ' ' + c['capital'][0]))
    return out


def paragraphs(texts, seed, count):
    """Several sentences in a row, so that later positions are trained too."""
    pick = random.Random(seed)
    weights = [w for w, _ in texts]
    return [' '.join(t for _, t in pick.choices(texts, weights, k=pick.randint(1, 5))) for _ in range(count)]
