//! What the flow says: built in, in each language, and as a hotel has it instead.

use std::{collections::HashMap, str::FromStr};

use chrono::{Datelike, NaiveDate};

use crate::placeholders;

/// A language that the flow speaks by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// Its ISO 639 code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// A day, as it is written in it.
    pub(super) fn date(self, day: NaiveDate) -> String {
        let month = self.months().get(day.month0() as usize).copied().unwrap_or_default();
        match self {
            Self::English => format!("{} {month} {}", day.day(), day.year()),
            Self::Spanish => format!("{} de {month} de {}", day.day(), day.year()),
        }
    }

    #[rustfmt::skip]
    fn months(self) -> [&'static str; 12] {
        match self {
            Self::English => [
                "January", "February", "March", "April", "May", "June",
                "July", "August", "September", "October", "November", "December",
            ],
            Self::Spanish => [
                "enero", "febrero", "marzo", "abril", "mayo", "junio",
                "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
            ],
        }
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == code).ok_or(())
    }
}

/// The template by which a hotel chooses the [`Language`] in which its flow begins.
pub const LANGUAGE: &str = "flow.language";

macro_rules! texts {
    ($($(#[$doc:meta])* $text:ident, $name:literal: $english:literal, $spanish:literal;)+) => {
        /// The texts of the flow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum TextName {$(
            $(#[$doc])*
            $text,
        )+}

        impl TextName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$text),+];

            /// The name of the template that a hotel has instead.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$text => $name,)+
                }
            }

            /// What is said where the hotel has nothing else.
            pub fn built_in(self, language: Language) -> &'static str {
                match (self, language) {$(
                    (Self::$text, Language::English) => $english,
                    (Self::$text, Language::Spanish) => $spanish,
                )+}
            }
        }
    };
}

texts! {
    /// Begins the talk where no stay is known.
    Demo, "flow.demo":
        "Hello, this is {{hotel_name}}. We found no stay under this number.",
        "Hola, le escribe {{hotel_name}}. No encontramos ninguna estancia con este número.";
    /// Offers a person where no stay is known.
    Offer, "flow.demo.offer":
        "Shall we connect you with {{department_name}}?",
        "¿Le ponemos en contacto con {{department_name}}?";
    /// To someone without a stay, who wants to talk to nobody.
    Declined, "flow.demo.declined":
        "All right. Write to us at any time.",
        "De acuerdo. Escríbanos cuando quiera.";
    /// Begins the talk before a stay.
    Checkin, "flow.checkin":
        "Hello {{guest_name}}, we look forward to your stay at {{hotel_name}} from {{check_in}}.",
        "Hola {{guest_name}}, le esperamos en {{hotel_name}} el {{check_in}}.";
    /// Asks for the arrival time.
    Arrival, "flow.checkin.arrival":
        "At what time do you expect to arrive?",
        "¿A qué hora piensa llegar?";
    /// Asks for wishes.
    Wishes, "flow.checkin.wishes":
        "Do you have any wishes for your stay? Please tell us in one message.",
        "¿Tiene algún deseo para su estancia? Díganoslo en un mensaje, por favor.";
    /// Asks whether the answers are right.
    Confirm, "flow.checkin.confirm":
        "Arrival: {{arrival_time}}\nWishes: {{wishes}}\n\nIs this correct?",
        "Llegada: {{arrival_time}}\nDeseos: {{wishes}}\n\n¿Es correcto?";
    /// Begins [`Self::Confirm`] where the answers are not right.
    Change, "flow.checkin.change":
        "What would you like to change?",
        "¿Qué desea cambiar?";
    /// The answers were confirmed.
    Ready, "flow.checkin.ready":
        "Thank you, {{guest_name}}. We have noted:\nArrival: {{arrival_time}}\nWishes: {{wishes}}",
        "Gracias, {{guest_name}}. Hemos anotado:\nLlegada: {{arrival_time}}\nDeseos: {{wishes}}";
    /// Begins the talk of a guest whose stay has begun.
    Greeting, "flow.greeting":
        "Hello {{guest_name}}, welcome to {{hotel_name}}.",
        "Hola {{guest_name}}, le damos la bienvenida a {{hotel_name}}.";
    /// Begins the talk of a guest whose stay is over.
    AfterStay, "flow.after_stay":
        "Hello {{guest_name}}, thank you again for having stayed at {{hotel_name}}.",
        "Hola {{guest_name}}, gracias de nuevo por haberse alojado en {{hotel_name}}.";
    /// Asks for the department.
    Menu, "flow.menu":
        "Whom would you like to talk to? Please choose, or answer with the number or the name.",
        "¿Con quién desea hablar? Elija, por favor, o responda con el número o el nombre.";
    /// Asks which of several departments was meant.
    Which, "flow.which":
        "Which of these do you mean?",
        "¿A cuál de estos se refiere?";
    /// Begins the question that was not answered.
    NotUnderstood, "flow.not_understood":
        "Sorry, we did not understand that.",
        "Disculpe, no lo hemos entendido.";
    /// The guest is connected with a department.
    Connecting, "flow.connecting":
        "We are connecting you with {{department_name}}. Somebody will answer you here.",
        "Le ponemos en contacto con {{department_name}}. Le responderán aquí mismo.";
    /// There is no department to connect the guest with.
    Received, "flow.received":
        "Thank you, we have received your message.",
        "Gracias, hemos recibido su mensaje.";
    /// Begins the menu after staff have ended their talk.
    GivenBack, "flow.given_back":
        "We hope that we could help you.",
        "Esperamos haberle ayudado.";
    /// The guest has checked out.
    Farewell, "flow.farewell":
        "Thank you for staying at {{hotel_name}}, {{guest_name}}. Have a good journey!",
        "Gracias por alojarse en {{hotel_name}}, {{guest_name}}. ¡Buen viaje!";
    /// The button that opens a list.
    Button, "flow.button": "Choose", "Elegir";
    /// A choice: to talk to a person.
    Person, "flow.choice.person": "Talk to a person", "Hablar con una persona";
    /// A choice: the answers are right.
    Yes, "flow.choice.yes": "Yes, all correct", "Sí, todo correcto";
    /// A choice: another arrival time.
    ChangeArrival, "flow.choice.change_arrival": "Change arrival time", "Cambiar la llegada";
    /// A choice: other wishes.
    ChangeWishes, "flow.choice.change_wishes": "Change wishes", "Cambiar los deseos";
    /// A choice: there are no wishes.
    NoWishes, "flow.choice.no_wishes": "No wishes", "Ningún deseo";
    /// A choice: the menu's next departments.
    More, "flow.choice.more": "More", "Más";
}

/// A hotel's texts: its own where it has usable ones, else the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    own: HashMap<String, String>,
    language: Language,
}

impl Texts {
    /// The texts of a hotel with these templates, by name: `flow.menu.es` counts in Spanish only
    /// and before `flow.menu`. Other names do not matter.
    pub fn new(own: HashMap<String, String>) -> Self {
        let language = own.get(LANGUAGE).and_then(|code| code.trim().parse().ok()).unwrap_or_default();
        Self { own, language }
    }

    /// The language in which the flow begins.
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text with the values in it. One of the hotel's own that is blank, or names a placeholder
    /// that has no value here, is passed over.
    pub(super) fn render(
        &self,
        name: TextName,
        language: Language,
        value_of: &dyn Fn(&str) -> Option<String>,
    ) -> String {
        let in_language = format!("{}.{}", name.as_str(), language.as_str());
        let own = [in_language.as_str(), name.as_str()].into_iter().filter_map(|name| self.own.get(name));
        own.filter_map(|content| placeholders::render(content, value_of).ok())
            .find(|rendered| !rendered.trim().is_empty())
            .or_else(|| {
                // Better a gap than no answer.
                let value_or_gap = |name: &str| Some(value_of(name).unwrap_or_default());
                placeholders::render(name.built_in(language), &value_or_gap).ok()
            })
            .unwrap_or_default()
    }
}
