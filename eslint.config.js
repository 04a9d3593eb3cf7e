import { defineConfig } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import vue from 'eslint-plugin-vue';
import globals from 'globals';
import ts from 'typescript-eslint';
import vueParser from 'vue-eslint-parser';

const typed = ['src/**/*.ts', 'src/**/*.vue', 'test/**/*.ts', '*.ts'];

/** Where the strict preset is turned down, and why. */
const typedRules = {
  // Numbers in messages are the point of most messages here.
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  // Typed arrays and tables are read at indices that were just checked, in hot loops.
  '@typescript-eslint/no-non-null-assertion': 'off',
  // `async` without `await` turns a throw into a rejection, which callers of an asynchronous interface expect.
  '@typescript-eslint/require-await': 'off',
  '@typescript-eslint/no-confusing-void-expression': [
    'error',
    { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
  ],
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

export default defineConfig(
  // AssemblyScript is checked by its own compiler, when build/build-wasm.mjs builds it.
  { ignores: ['node_modules/', 'out/', 'dist/', 'coverage/', 'test-results/', '.cache/', 'src/main/*/assembly/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: typed,
    extends: [ts.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['src/shared/tsconfig.json', 'tsconfig.node.json', 'tsconfig.web.json', 'tsconfig.bridge.json'],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    rules: typedRules,
  },
  {
    files: ['src/**/*.vue'],
    extends: [vue.configs['flat/recommended']],
    languageOptions: { parser: vueParser, parserOptions: { parser: ts.parser }, globals: globals.browser },
    // The type checker knows every name; ESLint does not know those of the templates.
    rules: { 'no-undef': 'off' },
  },
  {
    files: ['src/shared/**'],
    rules: {
      'no-console': 'error',
      // The same input gives the same answer on every machine: clocks are injected (Budget, JobControl.breathe).
      'no-restricted-globals': [
        'error',
        ...['performance', 'Date'].map((name) => ({
          name,
          message: 'src/shared reads no clock: take a Budget, JobControl.breathe or a clock function.',
        })),
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    // Vitest's matchers and mocks are loosely typed by design.
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [ts.configs.eslintRecommended],
    languageOptions: { globals: globals.node },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': 'error',
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-var': 'error',
    },
  },
  prettier,
);
