/**
 * A time after which an answer is no longer waited for.
 *
 * What was asked is not called back by it and may still be carried out: whoever uses this says why
 * that does no harm.
 */

/**
 * @param late - makes what is thrown where there is no answer.
 * @throws Error once `ms` milliseconds are over without an answer; whatever `answer` throws.
 */
export async function within<T>(
  ms: number,
  answer: Promise<T>,
  late = () => new Error(`no answer within ${ms} ms`),
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([answer, over]);
  } finally {
    clearTimeout(timer);
  }
}
