//! A conversation with the flow: what it asks, and what it does next.

use super::{
    Language, Memory, Pick, Said, Situation, Step, TextName, Turn,
    say::{Offer, ROWS, Say, cut},
    understand::Meant,
    words::Words,
};
use crate::{Department, DepartmentId, Status};

/// The most characters that are kept of the arrival time; the message itself is kept whole.
const ARRIVAL_TIME: usize = 100;
/// The most characters that are kept of the wishes.
const WISHES: usize = 500;
/// So many messages in a row that mean nothing, and a person helps.
const MISSES: u32 = 2;

/// A conversation at the moment in which the guest wrote. Whatever is understood ends a row of
/// misses, so its memory has none; `misses` has how many there were.
pub(super) struct Talk<'a> {
    situation: &'a Situation<'a>,
    step: Step,
    memory: Memory,
    misses: u32,
}

impl<'a> Talk<'a> {
    /// The guest said something. In the beginning they are answered in the language in which they greet.
    pub(super) fn hearing(situation: &'a Situation<'a>, said: &Said<'_>) -> Self {
        let goes_on = situation.was != Status::Closed && situation.step.belongs_to(situation.status);
        if goes_on && situation.step != Step::Start {
            let memory = Memory { misses: 0, ..situation.memory.clone() };
            return Self { situation, step: situation.step, memory, misses: situation.memory.misses };
        }
        let mut talk = Self::anew(situation);
        if let Said::Text(text) = said {
            talk.memory.language = talk.memory.language.or_else(|| Words::of(text).greet_in());
        }
        talk
    }

    /// It begins, or begins anew; what the guest told before is kept.
    pub(super) fn anew(situation: &'a Situation<'a>) -> Self {
        let memory = Memory { misses: 0, page: 0, ..situation.memory.clone() };
        Self { situation, step: Step::Start, memory, misses: 0 }
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    pub(super) fn status(&self) -> Status {
        self.situation.status
    }

    pub(super) fn departments(&self) -> &'a [Department] {
        self.situation.departments
    }

    pub(super) fn department(&self, id: DepartmentId) -> Option<&'a Department> {
        self.departments().iter().find(|it| it.id == id)
    }

    /// Who helps where nobody else is asked for; `None` where there is no department at all.
    pub(super) fn default_department(&self) -> Option<&'a Department> {
        let default = self.situation.default_department.and_then(|id| self.department(id));
        default.or_else(|| self.departments().first())
    }
}

/// What it does next.
impl Talk<'_> {
    /// Answers the first message. One that means nothing counts, but where it only greets, and
    /// before a stay, where there is a question first.
    pub(super) fn begin(mut self, meant: &Meant<'_>) -> Turn {
        let greeting = match self.status() {
            Status::Demo => TextName::Demo,
            Status::Checkin => TextName::Checkin,
            _ if self.situation.after_stay => TextName::AfterStay,
            _ => TextName::Greeting,
        };
        self.memory.misses = match self.status() {
            Status::Checkin => 0,
            Status::Active if matches!(meant, Meant::Greeting | Meant::Thanks) => 0,
            _ => 1,
        };
        self.begin_with(greeting)
    }

    /// Asks the first question after some words.
    pub(super) fn begin_with(self, words: TextName) -> Turn {
        let step = match self.status() {
            Status::Demo => Step::Offered,
            Status::Checkin => self.memory.next_question(),
            _ => Step::Menu,
        };
        self.ask(Some(words), step)
    }

    pub(super) fn in_language(mut self, language: Language) -> Self {
        self.memory.language = Some(language);
        self
    }

    pub(super) fn ask_again(mut self) -> Turn {
        if self.step == Step::Start {
            return self.begin(&Meant::Greeting);
        }
        self.memory.page = 0;
        let step = self.step;
        self.ask(None, step)
    }

    /// Asks again, or has a person help where this was not the first miss.
    pub(super) fn miss(self, words: TextName) -> Turn {
        let step = self.step;
        self.count_miss().unwrap_or_else(|talk| talk.ask(Some(words), step))
    }

    /// Asks which of several departments was meant.
    pub(super) fn which(self, departments: &[DepartmentId]) -> Turn {
        self.count_miss().unwrap_or_else(|talk| {
            let mut offers = talk.offers(Step::Menu);
            offers.retain(|it| matches!(it.pick, Pick::Department(id) if departments.contains(&id)));
            offers.truncate(ROWS);
            let say = talk.say(&[TextName::Which], &offers);
            talk.turn(say, Step::Menu)
        })
    }

    /// Has a person help if this was one miss too many, or if there is nothing to ask; else goes on.
    fn count_miss(mut self) -> Result<Turn, Self> {
        let misses = self.misses.saturating_add(1);
        if misses >= MISSES || self.default_department().is_none() {
            return Ok(self.connect_by_default());
        }
        self.memory.misses = misses;
        Err(self)
    }

    pub(super) fn connect_by_default(self) -> Turn {
        match self.default_department() {
            Some(department) => self.connect(department.id),
            None => {
                let say = self.say(&[TextName::Received], &[]);
                let step = self.step;
                self.turn(say, step)
            }
        }
    }

    pub(super) fn connect(mut self, to: DepartmentId) -> Turn {
        self.memory.page = 0;
        let text = self.text(TextName::Connecting, self.department(to));
        let say = Say::new(&text, "", &[]);
        Turn { route: Some(to), ..self.turn(say, Step::Start) }
    }

    pub(super) fn decline(self) -> Turn {
        let say = self.say(&[TextName::Declined], &[]);
        self.turn(say, Step::Start)
    }

    pub(super) fn note_arrival(mut self, time: &str) -> Turn {
        self.memory.arrival_time = Some(cut(time.trim(), ARRIVAL_TIME));
        let step = self.memory.next_question();
        self.ask(None, step)
    }

    pub(super) fn note_wishes(mut self, wishes: &str) -> Turn {
        self.memory.wishes = Some(cut(wishes.trim(), WISHES));
        let step = self.memory.next_question();
        self.ask(None, step)
    }

    pub(super) fn change(mut self, step: Step) -> Turn {
        self.memory.confirmed = false;
        self.ask(None, step)
    }

    pub(super) fn confirm(mut self) -> Turn {
        self.memory.confirmed = true;
        self.ask(None, Step::Ready)
    }

    pub(super) fn next_page(mut self) -> Turn {
        self.memory.page = self.page().saturating_add(1);
        self.memory.page = self.page();
        self.ask(None, Step::Menu)
    }

    pub(super) fn farewell(self) -> Turn {
        let say = self.say(&[TextName::Farewell], &[]);
        self.turn(say, Step::Start)
    }

    /// Asks the question of a step, after some words.
    pub(super) fn ask(self, words: Option<TextName>, step: Step) -> Turn {
        let question = match step {
            Step::Offered | Step::Menu | Step::Start if self.departments().is_empty() => TextName::Received,
            Step::Offered => TextName::Offer,
            Step::Arrival => TextName::Arrival,
            Step::Wishes => TextName::Wishes,
            Step::Confirm => TextName::Confirm,
            Step::Ready => TextName::Ready,
            Step::Menu | Step::Start => TextName::Menu,
        };
        let texts: Vec<_> = words.into_iter().chain([question]).collect();
        let say = self.say(&texts, &self.shown(step));
        self.turn(say, step)
    }

    fn turn(self, say: Say, step: Step) -> Turn {
        Turn { say: vec![say], step, memory: self.memory, route: None }
    }
}

/// What it offers and says.
impl Talk<'_> {
    /// What can be chosen at a step, with numbers from 1; the way out has 0, since "1" may be
    /// an arrival time.
    pub(super) fn offers(&self, step: Step) -> Vec<Offer> {
        let offer = |number, pick, text| Offer { number, pick, label: self.text(text, None) };
        let person = |number| self.default_department().map(|_| offer(number, Pick::Person, TextName::Person));
        let arrival = |number| offer(number, Pick::ChangeArrival, TextName::ChangeArrival);
        let wishes = |number| offer(number, Pick::ChangeWishes, TextName::ChangeWishes);
        match step {
            Step::Start => Vec::new(),
            Step::Offered => person(1).into_iter().collect(),
            Step::Arrival => person(0).into_iter().collect(),
            Step::Wishes => [offer(1, Pick::No, TextName::NoWishes)].into_iter().chain(person(0)).collect(),
            Step::Confirm => {
                let yes = offer(1, Pick::Yes, TextName::Yes);
                [yes, arrival(2), wishes(3)].into_iter().chain(person(0)).collect()
            }
            Step::Ready => [arrival(1), wishes(2)].into_iter().chain(person(0)).collect(),
            Step::Menu => {
                let department = |(number, it): (_, &Department)| Offer {
                    number,
                    pick: Pick::Department(it.id),
                    label: it.name.clone(),
                };
                let more = (self.pages() > 1).then(|| offer(0, Pick::More, TextName::More));
                (1..).zip(self.departments()).map(department).chain(more).collect()
            }
        }
    }

    /// The offers that are shown: of a menu that is too long, one page, and the way to the next.
    fn shown(&self, step: Step) -> Vec<Offer> {
        let mut offers = self.offers(step);
        if step == Step::Menu && self.pages() > 1 {
            let before = self.page() * (ROWS - 1);
            let page = before + 1..before + ROWS;
            offers.retain(|it| it.pick == Pick::More || page.contains(&it.number));
        }
        offers
    }

    /// How many pages the menu has: ten departments, or nine and the way to the next.
    fn pages(&self) -> usize {
        let departments = self.departments().len();
        if departments <= ROWS { 1 } else { departments.div_ceil(ROWS - 1) }
    }

    /// The page that is shown, from 0; after the last comes the first.
    fn page(&self) -> usize {
        self.memory.page % self.pages()
    }

    fn say(&self, texts: &[TextName], offers: &[Offer]) -> Say {
        let texts: Vec<_> = texts.iter().map(|&it| self.text(it, self.default_department())).collect();
        Say::new(&texts.join("\n\n"), &self.text(TextName::Button, None), offers)
    }

    /// A text with its values; `department` is the one that it speaks of.
    fn text(&self, name: TextName, department: Option<&Department>) -> String {
        let language = self.language();
        self.situation.texts.render(name, language, &|placeholder| self.value(placeholder, department))
    }

    fn value(&self, placeholder: &str, department: Option<&Department>) -> Option<String> {
        let it = self.situation;
        let day = |day| self.language().date(day);
        match placeholder {
            "guest_name" => Some(it.guest_name.to_owned()),
            "hotel_name" => Some(it.hotel_name.to_owned()),
            "room_number" => it.room_number.map(str::to_owned),
            "check_in" => it.days.map(|(first, _)| day(first)),
            "check_out" => it.days.map(|(_, last)| day(last)),
            "department_name" => department.map(|it| it.name.clone()),
            "arrival_time" => self.memory.arrival_time.clone(),
            "wishes" => self.memory.wishes.as_ref().map(|wishes| match wishes.as_str() {
                // Without values, so that it cannot ask for itself.
                "" => it.texts.render(TextName::NoWishes, self.language(), &|_| None),
                wishes => wishes.to_owned(),
            }),
            _ => None,
        }
    }

    fn language(&self) -> Language {
        self.memory.language.unwrap_or_else(|| self.situation.texts.language())
    }
}
