import { useT } from "../i18n/i18n";
import { Button } from "./Button";
import { copyText } from "./clipboard";
import { Strip } from "./Strip";

interface ProblemLineProps {
  /** The sentence of the server. */
  detail: string;
  /** By which the administrator finds the log lines. */
  requestId?: string | null;
  onRetry?: () => void;
}

/** One line about a failed call, with the request id to copy. */
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
