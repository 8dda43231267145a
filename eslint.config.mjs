import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Syntax rules only: `tsc` is the one that knows types, and runs once beside this (see `npm run lint`).
export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.cache/'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,mts}'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
      ],
      'no-restricted-imports': ['error', { patterns: ['rxjs/internal/*', 'rxjs/dist/*'] }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `any` stands where variance needs it (a `Decoder<any>` in a table); strictness comes from `tsc`.
      '@typescript-eslint/no-explicit-any': 'off',
      // Optional packages can only be tried by `require`, and some peers of the tests have no types.
      '@typescript-eslint/no-require-imports': 'off',
      // A getter in an object literal has no other way to its surroundings.
      '@typescript-eslint/no-this-alias': 'off',
    },
  },
  // Jest takes the set-up of a run from a default export.
  { files: ['spec/support/live-*.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['lib/**/*.{ts,mts}'], rules: { 'no-console': 'error' } },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        require: 'readonly',
        module: 'writable',
        __dirname: 'readonly',
        Buffer: 'readonly',
      },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
