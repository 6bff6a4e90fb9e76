import { useEffect, useRef, useState, type FormEvent } from "react";

import { ApiError } from "../api/problem";
import { useT } from "../i18n/i18n";
import { sentenceOf } from "../ui/failure";

type FieldErrors = Readonly<Record<string, readonly string[]>>;

interface Form {
  readonly isPending: boolean;
  /** The sentences by field. */
  readonly errors: FieldErrors;
  /** What belongs to no field of the form. */
  readonly problem: string | null;
  readonly submit: (event: FormEvent<HTMLFormElement>) => void;
}

/**
 * A form whose values are sent at once. `save` gets them; its errors are shown at the fields of `fields`, and the focus
 * goes to the first of them. Nothing is sent while a field of `required` is empty.
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

/** A value of a form as text, without white space around it. */
export function textOf(values: FormData, name: string): string {
  const value = values.get(name);
  return typeof value === "string" ? value.trim() : "";
}
