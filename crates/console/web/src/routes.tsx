import { lazy, Suspense, type ReactNode } from "react";
import { I18nProvider as AriaI18nProvider } from "react-aria-components/I18nProvider";
import { RouterProvider } from "react-aria-components";
import { Redirect, Route, Switch, useLocation } from "wouter";

import { startFollowing } from "./follow";
import { Frame } from "./frame/Frame";
import { ManagersOnly, NotFound } from "./frame/NotFound";
import { useLanguage } from "./i18n/i18n";
import { loadScreenMessages } from "./i18n/language";
import { InboxPage } from "./InboxPage";
import { parsePlace } from "./store/place";
import { useStore } from "./store/store";

/** What all screens beside the inbox need: the cache of their queries, and their messages. */
const WithQueries = lazy(async () => {
  const [queries] = await Promise.all([import("./queries"), loadScreenMessages()]);
  return queries;
});
const MeScreen = lazy(() => import("./me/MeScreen"));
const HotelScreen = lazy(() => import("./hotel/HotelScreen"));
const PeopleScreen = lazy(() => import("./hotel/PeopleScreen"));
const ReportsScreen = lazy(() => import("./reports/ReportsScreen"));
const AuditScreen = lazy(() => import("./reports/AuditScreen"));
const SearchScreen = lazy(() => import("./search/SearchScreen"));
const StaysScreen = lazy(() => import("./stays/StaysScreen"));
const TemplatesScreen = lazy(() => import("./hotel/TemplatesScreen"));

// Here and not in main, so that the sign-in chunk stays small.
startFollowing();

/** The URL map of the console. A URL can be reloaded, shared and opened in another tab. */
export default function Routes() {
  const { locale } = useLanguage();
  const [, navigate] = useLocation();
  return (
    <AriaI18nProvider locale={locale}>
      <RouterProvider navigate={navigate}>
        <Frame>
          <Switch>
            <Route path="/">
              <Redirect to="/inbox/mine" replace />
            </Route>
            <Route path="/inbox">
              <Redirect to="/inbox/mine" replace />
            </Route>
            <Route path="/inbox/:queue/:id?">{({ queue, id }) => <Inbox segment={queue} id={id} />}</Route>
            <Route path="/me">
              <Screen>
                <MeScreen />
              </Screen>
            </Route>
            <Route path="/search">
              <Screen>
                <SearchScreen />
              </Screen>
            </Route>
            <Route path="/stays">
              <Screen>
                <StaysScreen />
              </Screen>
            </Route>
            <Route path="/hotel">
              <ManagersScreen>
                <HotelScreen />
              </ManagersScreen>
            </Route>
            <Route path="/reports">
              <ManagersScreen>
                <ReportsScreen />
              </ManagersScreen>
            </Route>
            <Route path="/audit">
              <ManagersScreen>
                <AuditScreen />
              </ManagersScreen>
            </Route>
            <Route path="/hotel/people">
              <ManagersScreen>
                <PeopleScreen />
              </ManagersScreen>
            </Route>
            <Route path="/hotel/templates">
              <ManagersScreen>
                <TemplatesScreen />
              </ManagersScreen>
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Frame>
      </RouterProvider>
    </AriaI18nProvider>
  );
}

/** A screen in its own chunk. */
function Screen({ children }: { children: ReactNode }) {
  return (
    <Suspense fallback={<main />}>
      <WithQueries>{children}</WithQueries>
    </Suspense>
  );
}

/** A screen for managers. The role is known since the sign-in, so other staff load no chunk and see no flash. */
function ManagersScreen({ children }: { children: ReactNode }) {
  const role = useStore(({ me }) => (me.id === 0 ? null : me.role));
  if (role === null) return <main />;
  return role === "manager" ? <Screen>{children}</Screen> : <ManagersOnly />;
}

function Inbox({ segment, id }: { segment: string; id: string | undefined }) {
  const place = parsePlace(segment);
  const openId = id === undefined ? null : Number(id);
  if (place === null || (openId !== null && !(Number.isSafeInteger(openId) && openId > 0))) return <NotFound />;
  return <InboxPage place={place} openId={openId} />;
}
