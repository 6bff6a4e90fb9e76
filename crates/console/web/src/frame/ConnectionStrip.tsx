import { useT, useLanguage } from "../i18n/i18n";
import { reconnect } from "../live/sync";
import type { Connection } from "../store/state";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { formatTime } from "../ui/time";
import { useDelayed } from "../ui/useDelayed";

/** Delays in milliseconds before the strip appears, so that short interruptions do not show it. */
const OFFLINE_DELAY = 1_500;
const REPLAYING_DELAY = 1_000;

/** The strip about a lost connection or a running replay; empty while live. */
export function ConnectionStrip() {
  const connection = useStore((state) => state.connection);
  const isOffline = useDelayed(connection.phase === "offline", OFFLINE_DELAY);
  const isReplaying = useDelayed(connection.phase === "replaying", REPLAYING_DELAY);
  return (
    <div role="status">
      {isOffline && connection.phase === "offline" && <Offline connection={connection} />}
      {isReplaying && <CatchingUp />}
    </div>
  );
}

function Offline({ connection }: { connection: Extract<Connection, { phase: "offline" }> }) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  if (connection.reason === "bad_origin") return <Strip tone="danger">{t("frame.offline_bad_origin")}</Strip>;
  const isReplaced = connection.reason === "replaced";
  const time = formatTime(new Date(connection.since).toISOString(), { locale, zone });
  return (
    <Strip
      tone="warning"
      actions={
        <Button small variant="quiet" onPress={() => reconnect()}>
          {t(isReplaced ? "frame.reconnect" : "frame.try_now")}
        </Button>
      }
    >
      {isReplaced ? t("frame.offline_replaced") : t("frame.offline", { time })}
    </Strip>
  );
}

function CatchingUp() {
  const t = useT();
  return <Strip tone="calm">{t("frame.catching_up")}</Strip>;
}
