// Counting for scripts in JavaScript, as `harness.py` does it for those in Python: a line for each
// check, and a closing line that the tests' runner reads.

let passed = 0;
let failed = 0;

/** Counts one check by whether it throws. */
export async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`  ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`  FAIL  ${name}: ${error.stack}`);
  }
}

/** Counts what broke outside of a check. */
export function broken(error) {
  failed += 1;
  console.log(`  FAIL  ${error.stack}`);
}

/** Prints the closing line; returns the exit code. A script that checked nothing failed. */
export function closing() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed || !passed ? 1 : 0;
}
