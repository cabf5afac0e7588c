/**
 * A time after which an answer is no longer waited for.
 *
 * What was asked is not called back by it and may still be carried out: whoever uses this says why
 * that does no harm.
 */

/** @throws Error once `ms` milliseconds are over without an answer; whatever `answer` throws. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
