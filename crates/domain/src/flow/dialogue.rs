//! Dialogue: the questions of the guest flow and the transitions between its steps.

use super::{
    choice::Choice,
    context::{FlowContext, FlowInput, FlowOutcome},
    lexicon::Words,
    prompt::{MAX_ROWS, NumberedChoice, Prompt, truncate},
    state::{FlowMemory, FlowStep},
    texts::{FlowLanguage, FlowText},
};
use crate::{conversation::Status, hotel::Department, ids::DepartmentId};

/// Maximum length of the stored arrival time, in UTF-16 code units. The guest's message itself is stored in full.
const MAX_ARRIVAL_TIME: usize = 100;
/// Maximum length of the stored wishes of a guest, in UTF-16 code units.
const MAX_WISHES: usize = 500;
/// Number of consecutive messages that were not understood after which the guest is connected with a person.
const MAX_MISSES: u32 = 2;

/// Dialogue: the state of the guest flow while it replies to one message.
///
/// An understood message resets the counter of misses, so `memory.misses` begins at 0 and `misses` holds the stored
/// number.
pub(super) struct Dialogue<'a> {
    context: &'a FlowContext<'a>,
    step: FlowStep,
    memory: FlowMemory,
    misses: u32,
}

impl<'a> Dialogue<'a> {
    /// Continues the dialogue at the stored step if that is still valid, or else restarts it. At a restart the greeting
    /// of the guest selects the language.
    pub(super) fn resume(context: &'a FlowContext<'a>, input: &FlowInput<'_>) -> Self {
        let is_valid = context.was != Status::Closed && context.step.belongs_to(context.status);
        if is_valid && context.step != FlowStep::Start {
            let memory = FlowMemory { misses: 0, ..context.memory.clone() };
            return Self { context, step: context.step, memory, misses: context.memory.misses };
        }
        let mut dialogue = Self::restart(context);
        if let FlowInput::Text(text) = input {
            dialogue.memory.language = dialogue.memory.language.or_else(|| Words::of(text).greeting_language());
        }
        dialogue
    }

    /// Restarts the dialogue and keeps the answers of the guest.
    pub(super) fn restart(context: &'a FlowContext<'a>) -> Self {
        let memory = FlowMemory { misses: 0, page: 0, ..context.memory.clone() };
        Self { context, step: FlowStep::Start, memory, misses: 0 }
    }

    pub(super) fn step(&self) -> FlowStep {
        self.step
    }

    pub(super) fn status(&self) -> Status {
        self.context.status
    }

    pub(super) fn departments(&self) -> &'a [Department] {
        self.context.departments
    }

    pub(super) fn department(&self, id: DepartmentId) -> Option<&'a Department> {
        self.departments().iter().find(|it| it.id == id)
    }

    /// The department for guests who choose none; `None` if the hotel has no department.
    pub(super) fn default_department(&self) -> Option<&'a Department> {
        let default = self.context.default_department.and_then(|id| self.department(id));
        default.or_else(|| self.departments().first())
    }
}

/// Transitions between the steps of the dialogue.
impl Dialogue<'_> {
    /// Replies to the guest's first message. During the stay, a message that is more than a greeting or thanks counts
    /// as a miss.
    pub(super) fn begin(mut self, only_polite: bool) -> FlowOutcome {
        let greeting = match self.status() {
            Status::Demo => FlowText::Demo,
            Status::Checkin => FlowText::Checkin,
            _ if self.context.after_stay => FlowText::AfterStay,
            _ => FlowText::Greeting,
        };
        self.memory.misses = match self.status() {
            Status::Checkin => 0,
            Status::Active if only_polite => 0,
            _ => 1,
        };
        self.ask_first_question(greeting)
    }

    /// Asks the first question of the current status, after an introduction.
    pub(super) fn ask_first_question(self, introduction: FlowText) -> FlowOutcome {
        let step = match self.status() {
            Status::Demo => FlowStep::Offered,
            Status::Checkin => self.memory.next_question(),
            _ => FlowStep::Menu,
        };
        self.ask(Some(introduction), step)
    }

    pub(super) fn in_language(mut self, language: FlowLanguage) -> Self {
        self.memory.language = Some(language);
        self
    }

    pub(super) fn ask_again(mut self) -> FlowOutcome {
        if self.step == FlowStep::Start {
            return self.begin(true);
        }
        self.memory.page = 0;
        let step = self.step;
        self.ask(None, step)
    }

    /// Repeats the last question after an introduction, or connects the guest with a person after too many misses.
    pub(super) fn ask_after_miss(self, introduction: FlowText) -> FlowOutcome {
        let step = self.step;
        self.count_miss().unwrap_or_else(|dialogue| dialogue.ask(Some(introduction), step))
    }

    /// Asks which of several departments the guest means.
    pub(super) fn ask_which(self, departments: &[DepartmentId]) -> FlowOutcome {
        self.count_miss().unwrap_or_else(|dialogue| {
            let mut choices = dialogue.choices(FlowStep::Menu);
            choices.retain(|it| matches!(it.choice, Choice::Department(id) if departments.contains(&id)));
            choices.truncate(MAX_ROWS);
            let prompt = dialogue.prompt(&[FlowText::Which], &choices);
            dialogue.finish(prompt, FlowStep::Menu)
        })
    }

    /// Counts a message that was not understood. Returns `Ok` if that connects the guest with a person, `Err` if the
    /// dialogue continues.
    fn count_miss(mut self) -> Result<FlowOutcome, Self> {
        let misses = self.misses.saturating_add(1);
        if misses >= MAX_MISSES || self.default_department().is_none() {
            return Ok(self.connect_by_default());
        }
        self.memory.misses = misses;
        Err(self)
    }

    pub(super) fn connect_by_default(self) -> FlowOutcome {
        match self.default_department() {
            Some(department) => self.connect(department.id),
            None => {
                let prompt = self.prompt(&[FlowText::Received], &[]);
                let step = self.step;
                self.finish(prompt, step)
            }
        }
    }

    pub(super) fn connect(mut self, to: DepartmentId) -> FlowOutcome {
        self.memory.page = 0;
        let text = self.text(FlowText::Connecting, self.department(to));
        let prompt = Prompt::new(&text, "", &[]);
        FlowOutcome { route: Some(to), ..self.finish(prompt, FlowStep::Start) }
    }

    pub(super) fn decline(self) -> FlowOutcome {
        let prompt = self.prompt(&[FlowText::Declined], &[]);
        self.finish(prompt, FlowStep::Start)
    }

    pub(super) fn note_arrival(mut self, time: &str) -> FlowOutcome {
        self.memory.arrival_time = Some(truncate(time.trim(), MAX_ARRIVAL_TIME));
        let step = self.memory.next_question();
        self.ask(None, step)
    }

    pub(super) fn note_wishes(mut self, wishes: &str) -> FlowOutcome {
        self.memory.wishes = Some(truncate(wishes.trim(), MAX_WISHES));
        let step = self.memory.next_question();
        self.ask(None, step)
    }

    pub(super) fn change(mut self, step: FlowStep) -> FlowOutcome {
        self.memory.confirmed = false;
        self.ask(None, step)
    }

    pub(super) fn confirm(mut self) -> FlowOutcome {
        self.memory.confirmed = true;
        self.ask(None, FlowStep::Ready)
    }

    pub(super) fn next_page(mut self) -> FlowOutcome {
        self.memory.page = self.page().saturating_add(1);
        self.memory.page = self.page();
        self.ask(None, FlowStep::Menu)
    }

    pub(super) fn farewell(self) -> FlowOutcome {
        let prompt = self.prompt(&[FlowText::Farewell], &[]);
        self.finish(prompt, FlowStep::Start)
    }

    /// Moves the dialogue to a step and asks the question of that step, after an optional introduction.
    pub(super) fn ask(self, introduction: Option<FlowText>, step: FlowStep) -> FlowOutcome {
        let question = match step {
            FlowStep::Offered | FlowStep::Menu | FlowStep::Start if self.departments().is_empty() => FlowText::Received,
            FlowStep::Offered => FlowText::Offer,
            FlowStep::Arrival => FlowText::Arrival,
            FlowStep::Wishes => FlowText::Wishes,
            FlowStep::Confirm => FlowText::Confirm,
            FlowStep::Ready => FlowText::Ready,
            FlowStep::Menu | FlowStep::Start => FlowText::Menu,
        };
        let texts: Vec<_> = introduction.into_iter().chain([question]).collect();
        let prompt = self.prompt(&texts, &self.visible_choices(step));
        self.finish(prompt, step)
    }

    fn finish(self, prompt: Prompt, step: FlowStep) -> FlowOutcome {
        FlowOutcome { prompts: vec![prompt], step, memory: self.memory, route: None }
    }
}

/// Choices and texts of the dialogue.
impl Dialogue<'_> {
    /// All choices offered at a step, numbered from 1. "Talk to a person" has number 0 if "1" could be an arrival time.
    pub(super) fn choices(&self, step: FlowStep) -> Vec<NumberedChoice> {
        let numbered = |number, choice, text| NumberedChoice { number, choice, label: self.text(text, None) };
        let person = |number| self.default_department().map(|_| numbered(number, Choice::Person, FlowText::Person));
        let arrival = |number| numbered(number, Choice::ChangeArrival, FlowText::ChangeArrival);
        let wishes = |number| numbered(number, Choice::ChangeWishes, FlowText::ChangeWishes);
        match step {
            FlowStep::Start => Vec::new(),
            FlowStep::Offered => person(1).into_iter().collect(),
            FlowStep::Arrival => person(0).into_iter().collect(),
            FlowStep::Wishes => [numbered(1, Choice::No, FlowText::NoWishes)].into_iter().chain(person(0)).collect(),
            FlowStep::Confirm => {
                let yes = numbered(1, Choice::Yes, FlowText::Yes);
                [yes, arrival(2), wishes(3)].into_iter().chain(person(0)).collect()
            }
            FlowStep::Ready => [arrival(1), wishes(2)].into_iter().chain(person(0)).collect(),
            FlowStep::Menu => {
                let department = |(number, it): (_, &Department)| NumberedChoice {
                    number,
                    choice: Choice::Department(it.id),
                    label: it.name.clone(),
                };
                let more = (self.pages() > 1).then(|| numbered(0, Choice::More, FlowText::More));
                (1..).zip(self.departments()).map(department).chain(more).collect()
            }
        }
    }

    /// The choices to show at a step: of a long menu, the current page and "More".
    fn visible_choices(&self, step: FlowStep) -> Vec<NumberedChoice> {
        let mut choices = self.choices(step);
        if step == FlowStep::Menu && self.pages() > 1 {
            let before = self.page() * (MAX_ROWS - 1);
            let page = before + 1..before + MAX_ROWS;
            choices.retain(|it| it.choice == Choice::More || page.contains(&it.number));
        }
        choices
    }

    /// Number of pages of the menu. One page has up to ten departments; several pages have nine each, and "More".
    fn pages(&self) -> usize {
        let departments = self.departments().len();
        if departments <= MAX_ROWS { 1 } else { departments.div_ceil(MAX_ROWS - 1) }
    }

    /// The current page of the menu, from 0. The first page follows the last one.
    fn page(&self) -> usize {
        self.memory.page % self.pages()
    }

    fn prompt(&self, texts: &[FlowText], choices: &[NumberedChoice]) -> Prompt {
        let texts: Vec<_> = texts.iter().map(|&it| self.text(it, self.default_department())).collect();
        Prompt::new(&texts.join("\n\n"), &self.text(FlowText::Button, None), choices)
    }

    /// Renders a flow text; `department` is the value of `{{department_name}}`.
    fn text(&self, name: FlowText, department: Option<&Department>) -> String {
        let language = self.language();
        self.context.texts.render(name, language, &|placeholder| self.value(placeholder, department))
    }

    fn value(&self, placeholder: &str, department: Option<&Department>) -> Option<String> {
        let context = self.context;
        let day = |day| self.language().date(day);
        match placeholder {
            "guest_name" => Some(context.guest_name.to_owned()),
            "hotel_name" => Some(context.hotel_name.to_owned()),
            "room_number" => context.room_number.map(str::to_owned),
            "check_in" => context.days.map(|(first, _)| day(first)),
            "check_out" => context.days.map(|(_, last)| day(last)),
            "department_name" => department.map(|it| it.name.clone()),
            "arrival_time" => self.memory.arrival_time.clone(),
            "wishes" => self.memory.wishes.as_ref().map(|wishes| match wishes.as_str() {
                // "No wishes" is rendered without values, because a hotel's own text could contain `{{wishes}}` again.
                "" => context.texts.render(FlowText::NoWishes, self.language(), &|_| None),
                wishes => wishes.to_owned(),
            }),
            _ => None,
        }
    }

    fn language(&self) -> FlowLanguage {
        self.memory.language.unwrap_or_else(|| self.context.texts.language())
    }
}
