import { useEffect, useRef, useState, type FormEvent } from "react";

import { ApiError } from "../api/problem";
import { useT } from "../i18n/i18n";
import { sentenceOf } from "../ui/failure";

type FieldErrors = Readonly<Record<string, readonly string[]>>;

interface Form {
  readonly isPending: boolean;
  /** Error sentences by field. */
  readonly errors: FieldErrors;
  /** An error that belongs to no field of the form. */
  readonly problem: string | null;
  readonly submit: (event: FormEvent<HTMLFormElement>) => void;
}

/**
 * State of a form that is saved as a whole. `save` receives the values. Its errors appear at the fields named in
 * `fields`, and the focus moves to the first of them. Nothing is saved while a `required` field is empty.
 */
export function useForm(
  fields: readonly string[],
  save: (values: FormData) => Promise<void>,
  required: readonly string[] = [],
): Form {
  const t = useT();
  const sent = useRef<HTMLFormElement>(null);
  const [isPending, setPending] = useState(false);
  const [errors, setErrors] = useState<FieldErrors>({});
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    if (Object.keys(errors).length === 0) return;
    sent.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-invalid] button')?.focus();
  }, [errors]);

  async function run(values: FormData) {
    setPending(true);
    setErrors({});
    setProblem(null);
    try {
      await save(values);
    } catch (error) {
      const refused = error instanceof ApiError ? (error.problem.errors ?? {}) : {};
      if (Object.keys(refused).some((field) => fields.includes(field))) setErrors(refused);
      else setProblem(sentenceOf(error, t));
    } finally {
      setPending(false);
    }
  }

  return {
    isPending,
    errors,
    problem,
    submit(event) {
      event.preventDefault();
      sent.current = event.currentTarget;
      if (isPending) return;
      const values = new FormData(event.currentTarget);
      const empty = required.filter((name) => textOf(values, name) === "");
      if (empty.length === 0) void run(values);
      else setErrors(Object.fromEntries(empty.map((name) => [name, [t("records.required")]])));
    },
  };
}

/** Returns a form value as text, trimmed. */
export function textOf(values: FormData, name: string): string {
  const value = values.get(name);
  return typeof value === "string" ? value.trim() : "";
}
