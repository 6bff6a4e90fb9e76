import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";

import type { ApiKey } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { Section } from "../records/Section";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { formatDate } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import { ApiKeyDialog } from "./ApiKeyDialog";
import styles from "./hotel.module.css";
import { API_KEYS, useApiKeys } from "./queries";
import { RevokeDialog } from "./RevokeDialog";

/** The list of API keys of other systems, such as the booking system. A press on a key opens `RevokeDialog`. */
export function ApiKeys() {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const query = useApiKeys();
  const keys = query.data ?? [];
  const opened = useOpened(keys);
  const [isAdding, setAdding] = useState(false);
  const reload = () => void queries.invalidateQueries({ queryKey: API_KEYS });
  return (
    <Section
      title={t("hotel.api_keys")}
      actions={
        <Button isDisabled={isOffline} onPress={() => setAdding(true)}>
          <Plus size={16} aria-hidden />
          {t("hotel.add_api_key")}
        </Button>
      }
    >
      <ListState query={query} isEmpty={keys.length === 0} empty={t("hotel.api_keys_empty")}>
        <ul className={styles["order"]}>
          {keys.map((each) => (
            <li key={each.id} className={styles["orderItem"]}>
              <AriaButton className={styles["orderName"] ?? ""} onPress={() => opened.open(each)}>
                <bdi>{each.name}</bdi>
                <KeyFacts entry={each} />
              </AriaButton>
            </li>
          ))}
        </ul>
      </ListState>
      {isAdding && <ApiKeyDialog onAdded={reload} onClose={() => setAdding(false)} />}
      {opened.record !== null && (
        <RevokeDialog key={opened.key} entry={opened.record} onRevoked={reload} onClose={opened.close} />
      )}
    </Section>
  );
}

function KeyFacts({ entry }: { entry: ApiKey }) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const day = (at: string) => formatDate(at, { locale, zone });
  const { expires_at: end, last_used_at: used } = entry;
  return (
    <span className={styles["second"]}>
      {used === null ? t("hotel.api_key_unused") : t("hotel.api_key_used", { day: day(used) })}
      {" · "}
      {end === null
        ? t("hotel.api_key_lasting")
        : t(Date.parse(end) <= now ? "hotel.api_key_expired" : "hotel.api_key_expires", { day: day(end) })}
    </span>
  );
}
