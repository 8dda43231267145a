/**
 * A test that needs a program from outside (`kcat`, a Python with `aiokafka`). Where it is not installed the test is
 * skipped and says so in its title; with CI=true it runs, and fails, because there all of them have to be there.
 */
export function itWithTool(
  tool: { readonly name: string; readonly installed: boolean },
  title: string,
  test: () => Promise<void>,
): void {
  if (tool.installed || process.env.CI === 'true') it(title, test);
  else it.skip(`${title} (${tool.name} is not installed: spec/support/install-tools.sh)`, test);
}
