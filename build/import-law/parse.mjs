/** Finds the imports of TypeScript, JavaScript and Vue files with TypeScript's own parser. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/**
 * @typedef {object} Import
 * @property {string} target  `src`-relative path for a relative import (may lack the extension), else the package's name
 * @property {boolean} isFile a file of this project rather than a package
 * @property {boolean} typeOnly vanishes when compiled
 * @property {number} line    1-based
 */

/**
 * @param {string} path file on disk
 * @param {string} file the same, relative to `src/`
 * @returns {Import[]}
 */
export function importsOf(path, file) {
  const text = readFileSync(path, 'utf8');
  const code = file.endsWith('.vue') ? scriptsOf(text) : text;
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const found = [];
  const visit = (node) => {
    const reference = referenceIn(node);
    if (reference) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      found.push({ ...locate(reference.specifier, file), typeOnly: reference.typeOnly, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The script blocks of a single-file component, everything else blanked so that line numbers stay. */
function scriptsOf(text) {
  const blank = (part) => part.replace(/[^\n]/g, ' ');
  let code = '';
  let end = 0;
  for (const match of text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)) {
    const start = match.index + match[0].indexOf('>') + 1;
    code += blank(text.slice(end, start)) + match[1];
    end = start + match[1].length;
  }
  return code + blank(text.slice(end));
}

/** The module a node names: import, export … from, import(), require(), import('…') in a type. */
function referenceIn(node) {
  if (ts.isImportDeclaration(node)) return reference(node.moduleSpecifier, isTypeOnlyImport(node.importClause));
  if (ts.isExportDeclaration(node)) return reference(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node)) return reference(node.argument.literal, true);
  if (ts.isExternalModuleReference(node)) return reference(node.expression, false);
  if (ts.isCallExpression(node) && isModuleCall(node.expression)) return reference(node.arguments[0], false);
  return undefined;
}

function reference(literal, typeOnly) {
  return literal && ts.isStringLiteralLike(literal) ? { specifier: literal.text, typeOnly } : undefined;
}

function isTypeOnlyImport(clause) {
  if (!clause) return false; // import './side-effect'
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return !clause.name && named !== undefined && ts.isNamedImports(named) && named.elements.every((e) => e.isTypeOnly);
}

function isModuleCall(callee) {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function locate(specifier, file) {
  if (!specifier.startsWith('.')) return { target: specifier, isFile: false };
  const path = specifier.replace(/\?.*$/, ''); // Vite's ?raw and ?url
  return { target: posix.normalize(posix.join(posix.dirname(file), path)), isFile: true };
}
