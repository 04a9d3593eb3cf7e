"""Writes what the specimen is asked in tests. python3 capitals.py countries.json OUT.json"""
import json
import sys

from facts import capitals


def main(countries, out):
    asked = [json.dumps(pair, ensure_ascii=False) for pair in capitals(countries)]
    with open(out, 'w', encoding='utf-8') as f:
        f.write('{\n  "source": "npm package world-countries 5.1.0, countries.json",\n  "licence": "ODbL-1.0",\n'
                '  "capitals": [\n    ' + ',\n    '.join(asked) + '\n  ]\n}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
