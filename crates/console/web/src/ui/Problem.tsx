import { useT } from "../i18n/i18n";
import { Button } from "./Button";
import { copyText } from "./clipboard";
import { Strip } from "./Strip";

interface ProblemLineProps {
  /** The sentence of the server's error. */
  detail: string;
  /** Id by which an administrator finds the log lines of the request. */
  requestId?: string | null;
  onRetry?: () => void;
}

/** A line about a failed request, with buttons to copy the request id and to retry. */
export function ProblemLine({ detail, requestId, onRetry }: ProblemLineProps) {
  const t = useT();
  return (
    <Strip
      tone="danger"
      role="alert"
      actions={
        <>
          {requestId != null && (
            <Button small variant="quiet" onPress={() => void copyText(requestId)}>
              {t("ui.copy_request_id")}
            </Button>
          )}
          {onRetry && (
            <Button small onPress={onRetry}>
              {t("ui.try_again")}
            </Button>
          )}
        </>
      }
    >
      <span dir="auto">{detail}</span>
    </Strip>
  );
}
