//! Texts of the guest flow: built in for each language, replaceable by templates of the hotel.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::placeholders;

/// A language with built-in texts of the guest flow; the name of a value is the ISO 639 code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
pub enum FlowLanguage {
    /// English, the default language of the guest flow.
    #[default]
    #[strum(serialize = "en")]
    English,
    /// Spanish.
    #[strum(serialize = "es")]
    Spanish,
}

named_values!(FlowLanguage);

impl FlowLanguage {
    /// Formats a day in this language.
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

/// Name of the template whose content is the [`FlowLanguage`] in which the flow of a hotel begins.
pub const LANGUAGE_SETTING: &str = "flow.language";

macro_rules! texts {
    ($($(#[$doc:meta])* $text:ident, $name:literal: $english:literal, $spanish:literal;)+) => {
        /// A text of the guest flow, with the name of the template that replaces it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
        pub enum FlowText {$(
            $(#[$doc])*
            #[strum(serialize = $name)]
            $text,
        )+}

        impl FlowText {
            /// The built-in text, used if the hotel has no usable template for it.
            pub fn built_in(self, language: FlowLanguage) -> &'static str {
                match (self, language) {$(
                    (Self::$text, FlowLanguage::English) => $english,
                    (Self::$text, FlowLanguage::Spanish) => $spanish,
                )+}
            }
        }
    };
}

texts! {
    /// Introduction for a guest without a stay.
    Demo, "flow.demo":
        "Hello, this is {{hotel_name}}. We found no stay under this number.",
        "Hola, le escribe {{hotel_name}}. No encontramos ninguna estancia con este número.";
    /// Offers a guest without a stay to connect with a person.
    Offer, "flow.demo.offer":
        "Shall we connect you with {{department_name}}?",
        "¿Le ponemos en contacto con {{department_name}}?";
    /// Reply to a guest without a stay who declined to be connected with a person.
    Declined, "flow.demo.declined":
        "All right. Write to us at any time.",
        "De acuerdo. Escríbanos cuando quiera.";
    /// Introduction for a guest before the stay.
    Checkin, "flow.checkin":
        "Hello {{guest_name}}, we look forward to your stay at {{hotel_name}} from {{check_in}}.",
        "Hola {{guest_name}}, le esperamos en {{hotel_name}} el {{check_in}}.";
    /// Asks the guest for the arrival time.
    Arrival, "flow.checkin.arrival":
        "At what time do you expect to arrive?",
        "¿A qué hora piensa llegar?";
    /// Asks the guest for wishes.
    Wishes, "flow.checkin.wishes":
        "Do you have any wishes for your stay? Please tell us in one message.",
        "¿Tiene algún deseo para su estancia? Díganoslo en un mensaje, por favor.";
    /// Asks the guest whether arrival time and wishes are correct.
    Confirm, "flow.checkin.confirm":
        "Arrival: {{arrival_time}}\nWishes: {{wishes}}\n\nIs this correct?",
        "Llegada: {{arrival_time}}\nDeseos: {{wishes}}\n\n¿Es correcto?";
    /// Introduction to [`Self::Confirm`] if the guest says that the answers are not correct.
    Change, "flow.checkin.change":
        "What would you like to change?",
        "¿Qué desea cambiar?";
    /// Repeats the arrival time and the wishes that the guest has confirmed.
    Ready, "flow.checkin.ready":
        "Thank you, {{guest_name}}. We have noted:\nArrival: {{arrival_time}}\nWishes: {{wishes}}",
        "Gracias, {{guest_name}}. Hemos anotado:\nLlegada: {{arrival_time}}\nDeseos: {{wishes}}";
    /// Introduction for a guest during the stay.
    Greeting, "flow.greeting":
        "Hello {{guest_name}}, welcome to {{hotel_name}}.",
        "Hola {{guest_name}}, le damos la bienvenida a {{hotel_name}}.";
    /// Introduction for a guest after the stay.
    AfterStay, "flow.after_stay":
        "Hello {{guest_name}}, thank you again for having stayed at {{hotel_name}}.",
        "Hola {{guest_name}}, gracias de nuevo por haberse alojado en {{hotel_name}}.";
    /// Asks the guest to choose a department.
    Menu, "flow.menu":
        "Whom would you like to talk to? Please choose, or answer with the number or the name.",
        "¿Con quién desea hablar? Elija, por favor, o responda con el número o el nombre.";
    /// Asks which of several named departments the guest means.
    Which, "flow.which":
        "Which of these do you mean?",
        "¿A cuál de estos se refiere?";
    /// Introduction to a question that is repeated because the guest was not understood.
    NotUnderstood, "flow.not_understood":
        "Sorry, we did not understand that.",
        "Disculpe, no lo hemos entendido.";
    /// Tells the guest that the conversation is routed to a department.
    Connecting, "flow.connecting":
        "We are connecting you with {{department_name}}. Somebody will answer you here.",
        "Le ponemos en contacto con {{department_name}}. Le responderán aquí mismo.";
    /// Acknowledges a guest's message if the hotel has no department.
    Received, "flow.received":
        "Thank you, we have received your message.",
        "Gracias, hemos recibido su mensaje.";
    /// Answers a guest who writes to a department that is closed.
    Away, "flow.away":
        "Thank you for your message. {{department_name}} is closed at the moment and will answer during its opening hours.",
        "Gracias por su mensaje. {{department_name}} está cerrado en este momento y le responderá en su horario de atención.";
    /// Introduction to the menu after staff have ended the relay.
    GivenBack, "flow.given_back":
        "We hope that we could help you.",
        "Esperamos haberle ayudado.";
    /// Says goodbye to a guest who has checked out.
    Farewell, "flow.farewell":
        "Thank you for staying at {{hotel_name}}, {{guest_name}}. Have a good journey!",
        "Gracias por alojarse en {{hotel_name}}, {{guest_name}}. ¡Buen viaje!";
    /// Label of the button that opens the list of choices.
    Button, "flow.button": "Choose", "Elegir";
    /// Label of the choice to talk to a person.
    Person, "flow.choice.person": "Talk to a person", "Hablar con una persona";
    /// Label of the choice that all answers are correct.
    Yes, "flow.choice.yes": "Yes, all correct", "Sí, todo correcto";
    /// Label of the choice to change the arrival time.
    ChangeArrival, "flow.choice.change_arrival": "Change arrival time", "Cambiar la llegada";
    /// Label of the choice to change the wishes.
    ChangeWishes, "flow.choice.change_wishes": "Change wishes", "Cambiar los deseos";
    /// Label of the choice to have no wishes.
    NoWishes, "flow.choice.no_wishes": "No wishes", "Ningún deseo";
    /// Label of the choice to see the next page of the menu.
    More, "flow.choice.more": "More", "Más";
}

named_values!(FlowText);

/// Flow texts of a hotel: its usable templates, and built-in texts for the rest. In JSON, the templates alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "HashMap<String, String>", into = "HashMap<String, String>"))]
pub struct FlowTexts {
    own: HashMap<String, String>,
    language: FlowLanguage,
}

impl FlowTexts {
    /// Creates the flow texts from the contents of the hotel's templates, by template name. `flow.menu.es` replaces
    /// `flow.menu` in Spanish. Templates with names of no flow text are ignored.
    pub fn new(own: HashMap<String, String>) -> Self {
        let language = own.get(LANGUAGE_SETTING).and_then(|code| code.trim().parse().ok()).unwrap_or_default();
        Self { own, language }
    }

    /// The language in which the flow of the hotel begins.
    pub fn language(&self) -> FlowLanguage {
        self.language
    }

    /// Renders a flow text. A template that is blank, or has a placeholder without a value, is skipped.
    pub fn render(&self, name: FlowText, language: FlowLanguage, value_of: &dyn Fn(&str) -> Option<String>) -> String {
        self.render_own(name, language, value_of)
            .or_else(|| {
                // A placeholder without a value is rendered as an empty text, which is better than no reply.
                let value_or_gap = |name: &str| Some(value_of(name).unwrap_or_default());
                placeholders::render(name.built_in(language), &value_or_gap).ok()
            })
            .unwrap_or_default()
    }

    /// Renders a flow text of the hotel's templates. `None` if none of them is usable.
    pub fn render_own(
        &self,
        name: FlowText,
        language: FlowLanguage,
        value_of: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let in_language = format!("{}.{}", name.as_str(), language.as_str());
        let own = [in_language.as_str(), name.as_str()].into_iter().filter_map(|name| self.own.get(name));
        own.filter_map(|content| placeholders::render(content, value_of).ok())
            .find(|rendered| !rendered.trim().is_empty())
    }
}

impl From<HashMap<String, String>> for FlowTexts {
    fn from(own: HashMap<String, String>) -> Self {
        Self::new(own)
    }
}

impl From<FlowTexts> for HashMap<String, String> {
    fn from(texts: FlowTexts) -> Self {
        texts.own
    }
}
