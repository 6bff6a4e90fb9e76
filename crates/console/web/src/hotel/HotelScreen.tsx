import { useT } from "../i18n/i18n";
import { GreyTable } from "../records/ListState";
import { Page } from "../records/Page";
import { useStore } from "../store/store";
import { useDelayed } from "../ui/useDelayed";
import { ApiKeys } from "./ApiKeys";
import { HotelForm } from "./HotelForm";
import { Labels } from "./Labels";
import { Variables } from "./Variables";

/** The screen with the settings, labels and API keys of the hotel. Settings and labels are live, from the store. */
export default function HotelScreen() {
  const t = useT();
  const isLoaded = useStore((state) => state.cursor !== null);
  const isSlow = useDelayed(!isLoaded, 300);
  return (
    <Page title={t("hotel.title")} width="narrow">
      {isLoaded ? (
        <>
          <HotelForm />
          <Variables />
          <Labels />
          <ApiKeys />
        </>
      ) : (
        isSlow && <GreyTable />
      )}
    </Page>
  );
}
