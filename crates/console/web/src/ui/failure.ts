import type { Translate } from "../i18n/i18n";

/** Returns the sentence about a failed request: the server's own, or one about the connection. */
export function sentenceOf(error: unknown, t: Translate): string {
  if (!(error instanceof Error)) return t("ui.failed_unknown");
  if (error.name === "NetworkError") return t("ui.failed_network");
  const problem: unknown = "problem" in error ? error.problem : undefined;
  if (isProblem(problem)) return Object.values(problem.errors ?? {}).flat()[0] ?? problem.detail;
  console.error(error);
  return t("ui.failed_unknown");
}

interface ProblemText {
  readonly detail: string;
  readonly errors?: Readonly<Record<string, readonly string[]>>;
}

function isProblem(value: unknown): value is ProblemText {
  return typeof value === "object" && value !== null && "detail" in value && typeof value.detail === "string";
}
