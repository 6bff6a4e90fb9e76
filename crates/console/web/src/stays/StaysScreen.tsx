import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Plus, Upload } from "lucide-react";
import { useEffect, useState } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import { useSearchParams } from "wouter";

import { listStays, type StayFilter } from "../api/hotel-calls";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { Page } from "../records/Page";
import { Pager } from "../records/Pager";
import { SearchField } from "../records/SearchField";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { useRefetch } from "../records/useRefetch";
import { handlesStays } from "../store/rights";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { ImportDialog } from "./ImportDialog";
import { StayDialog } from "./StayDialog";
import { StayTable } from "./StayTable";
import styles from "./stays.module.css";

const SHOWN = ["current", "arriving", "leaving", "cancelled", "all"] as const;
type Shown = (typeof SHOWN)[number];

const FILTERS: Record<Shown, StayFilter> = {
  current: { current: true },
  arriving: { arriving: true },
  leaving: { leaving: true },
  cancelled: { status: "cancelled,no_show" },
  all: {},
};

const PAGE_SIZE = 50;
/** Debounce of the search in milliseconds. */
const SEARCH_DEBOUNCE = 250;
const STAYS = ["stays"];

/** The screen with the stays of the hotel. All staff can read them; managers and stay handlers can change them. */
export default function StaysScreen() {
  const t = useT();
  const [place, setPlace] = usePlace();
  const [words, setWords] = useState(place.search);
  const [found, setFound] = useState(place.search);
  const [isImporting, setImporting] = useState(false);
  const canWrite = useStore(handlesStays);
  const isOffline = useOffline();
  const query = useStays(place);
  const stays = query.data?.results ?? [];
  const opened = useOpened(stays);

  // The URL was changed by a link or by the Back button.
  if (found !== place.search) {
    setFound(place.search);
    setWords(place.search);
  }

  useEffect(() => {
    if (words === place.search) return;
    const timer = setTimeout(() => setPlace({ ...place, search: words, page: 1 }), SEARCH_DEBOUNCE);
    return () => clearTimeout(timer);
  }, [words, place, setPlace]);

  return (
    <Page
      title={t("stays.title")}
      actions={
        canWrite && (
          <>
            <Button isDisabled={isOffline} onPress={() => setImporting(true)}>
              <Upload size={16} aria-hidden />
              {t("stays.import")}
            </Button>
            <Button variant="primary" isDisabled={isOffline} onPress={opened.add}>
              <Plus size={16} aria-hidden />
              {t("stays.add")}
            </Button>
          </>
        )
      }
    >
      <div className={styles["filters"]}>
        <SearchField label={t("stays.search")} value={words} onChange={setWords} />
        <ToggleButtonGroup
          className={styles["choices"] ?? ""}
          aria-label={t("stays.show")}
          disallowEmptySelection
          selectedKeys={[place.show]}
          onSelectionChange={([key]) => setPlace({ ...place, show: SHOWN.find((each) => each === key) ?? "current", page: 1 })}
        >
          {SHOWN.map((show) => (
            <ToggleButton key={show} id={show} className={styles["choice"] ?? ""}>
              {t(`stays.show.${show}`)}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      </div>
      <ListState query={query} isEmpty={stays.length === 0} empty={<p>{t(emptyOf(place))}</p>}>
        <StayTable stays={stays} canWrite={canWrite && !isOffline} onOpen={opened.open} />
        <Pager
          page={place.page}
          pages={Math.ceil((query.data?.count ?? 0) / PAGE_SIZE)}
          onPage={(page) => setPlace({ ...place, page })}
        />
      </ListState>
      {opened.isOpen && <StayDialog key={opened.key} stay={opened.record} canWrite={canWrite} onClose={opened.close} />}
      {isImporting && <ImportDialog onClose={() => setImporting(false)} />}
    </Page>
  );
}

interface Place {
  readonly show: Shown;
  readonly search: string;
  readonly page: number;
}

function useStays({ show, search, page }: Place) {
  const key = [...STAYS, show, search, page];
  useRefetch(STAYS, "stays");
  return useQuery({
    queryKey: key,
    queryFn: () =>
      listStays({ page, page_size: PAGE_SIZE, ...(search.trim() !== "" && { search: search.trim() }), ...FILTERS[show] }),
    placeholderData: keepPreviousData,
  });
}

/** Filter, search and page of the list. They are in the URL, so that the list can be reloaded and shared. */
function usePlace(): [Place, (place: Place) => void] {
  const [parameters, setParameters] = useSearchParams();
  const show = parameters.get("show");
  const place: Place = {
    show: SHOWN.find((each) => each === show) ?? "current",
    search: parameters.get("search") ?? "",
    page: Math.max(1, Math.trunc(Number(parameters.get("page") ?? 1)) || 1),
  };
  function setPlace(next: Place) {
    setParameters(
      {
        ...(next.show !== "current" && { show: next.show }),
        ...(next.search !== "" && { search: next.search }),
        ...(next.page > 1 && { page: String(next.page) }),
      },
      { replace: next.page === place.page },
    );
  }
  return [place, setPlace];
}

function emptyOf({ show, search }: Place) {
  if (search !== "") return "stays.empty_search" as const;
  return `stays.empty.${show}` as const;
}
