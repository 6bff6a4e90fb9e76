//! What a guest means.

use super::{
    Language, Said, Step,
    say::Offer,
    talk::Talk,
    words::{self, Words},
};
use crate::{DepartmentId, Status};

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// To talk to a department.
    Department(DepartmentId),
    /// To talk to a person.
    Person,
    Yes,
    No,
    /// To tell another arrival time.
    ChangeArrival,
    /// To tell other wishes.
    ChangeWishes,
    /// To see more departments.
    More,
}

impl Pick {
    /// How it is called in a list's row.
    pub(super) fn id(self) -> String {
        match self {
            Self::Department(id) => format!("department:{id}"),
            Self::Person => "person".into(),
            Self::Yes => "yes".into(),
            Self::No => "no".into(),
            Self::ChangeArrival => "change_arrival".into(),
            Self::ChangeWishes => "change_wishes".into(),
            Self::More => "more".into(),
        }
    }

    pub(super) fn from_id(id: &str) -> Option<Self> {
        if let Some(department) = id.strip_prefix("department:") {
            return department.parse().ok().map(|id| Self::Department(DepartmentId(id)));
        }
        let others = [Self::Person, Self::Yes, Self::No, Self::ChangeArrival, Self::ChangeWishes, Self::More];
        others.into_iter().find(|it| it.id() == id)
    }
}

/// What a guest meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant<'a> {
    /// One of the choices.
    Picked(Pick),
    /// More than one department.
    Several(Vec<DepartmentId>),
    /// To be asked again.
    Again,
    /// To be left alone.
    Stop,
    /// To be spoken to in a language.
    Speak(Language),
    /// A greeting, and nothing else.
    Greeting,
    /// Thanks, and nothing else.
    Thanks,
    /// Something in their own words.
    Answer(&'a str),
    /// Nothing that the flow can understand.
    Nothing,
}

use Meant::*;
use Pick::*;

impl Talk<'_> {
    pub(super) fn understand<'s>(&self, said: &Said<'s>) -> Meant<'s> {
        match *said {
            Said::Other => Nothing,
            Said::Text(text) => self.meaning_of(text),
            Said::Choice { id, title } => match (self.chosen(id), self.meaning_of(title)) {
                (Some(pick), _) => Picked(pick),
                // A label answers no question of the flow's.
                (None, Answer(_)) => Nothing,
                (None, meant) => meant,
            },
        }
    }

    /// What was chosen, however old the list is, as long as there is such a department.
    fn chosen(&self, id: &str) -> Option<Pick> {
        Pick::from_id(id).filter(|pick| match pick {
            Department(id) => self.department(*id).is_some(),
            _ => true,
        })
    }

    fn meaning_of<'s>(&self, text: &'s str) -> Meant<'s> {
        let words = Words::of(text);
        self.offered(text, &words)
            .or_else(|| self.department_named(&words))
            .or_else(|| self.phrase(&words))
            .unwrap_or(Answer(text))
    }

    /// A choice of the last question, by its number or its whole label. Departments may be
    /// called alike: their names are looked at together.
    fn offered(&self, text: &str, words: &Words) -> Option<Meant<'static>> {
        let number = words::number(text);
        let is_label = |it: &Offer| !matches!(it.pick, Department(_)) && words.are(&Words::of(&it.label));
        let mut offers = self.offers(self.step()).into_iter();
        offers.find(|it| number == Some(it.number) || is_label(it)).map(|it| Picked(it.pick))
    }

    /// The departments that are named. Of "Spa" and "Spa Bar" only the latter where both are.
    fn department_named(&self, words: &Words) -> Option<Meant<'static>> {
        match self.status() {
            Status::Active => {}
            // Nobody without a stay needs to be shown the departments.
            Status::Demo => {
                let default = self.default_department().is_some_and(|it| words.contain(&Words::of(&it.name)));
                return (default || words.mention(&words::RECEPTION)).then_some(Picked(Person));
            }
            // A wish may well name one.
            _ => return None,
        }
        let named = self.departments().iter().map(|it| (it.id, Words::of(&it.name)));
        let named: Vec<_> = named.filter(|(_, name)| words.contain(name)).collect();
        let is_part = |name: &Words| named.iter().any(|(_, other)| other.contain(name) && !other.are(name));
        let meant: Vec<_> = named.iter().filter(|(_, name)| !is_part(name)).map(|(id, _)| *id).collect();
        match *meant {
            [] => None,
            [id] => Some(Picked(Department(id))),
            _ => Some(Several(meant)),
        }
    }

    /// What the whole message means, whatever was asked.
    fn phrase(&self, words: &Words) -> Option<Meant<'static>> {
        let phrases =
            [(&words::STOP, Stop), (&words::MENU, Again), (&words::PERSON, Picked(Person)), (&words::NO, Picked(No))];
        let mut phrases = phrases.into_iter();
        if let Some((_, meant)) = phrases.find(|(phrase, _)| words.mean(phrase)) {
            return Some(meant);
        }
        if let Some(language) = words.ask_for_language() {
            return Some(Speak(language));
        }
        // "OK, thank you" answers no menu.
        if self.step() != Step::Menu && words.mean(&words::YES) {
            return Some(Picked(Yes));
        }
        if words.mean(&words::THANKS) {
            return Some(Thanks);
        }
        words::GREETINGS.iter().any(|(_, greeting)| words.mean(greeting)).then_some(Greeting)
    }
}
