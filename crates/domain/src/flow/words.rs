//! The words of a message, and what some of them mean.
//!
//! Words are compared whole, without regard to case and accents. Both languages are always
//! understood.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::texts::Language;

/// The words of a text, as they are compared.
pub(super) struct Words(Vec<String>);

impl Words {
    /// By Unicode's word boundaries. "Hello.Reception" and "spa's" are two words each, since
    /// thumbs leave out blanks.
    pub(super) fn of(text: &str) -> Self {
        let apart = |c| matches!(c, '.' | ':' | ',' | ';' | '\'' | '’' | '_' | '·');
        let folded = fold(text);
        let words = folded.unicode_words().flat_map(|word| word.split(apart)).filter(|word| !word.is_empty());
        Self(words.map(str::to_owned).collect())
    }

    /// Whether these words stand in it side by side; no words stand nowhere.
    pub(super) fn contain(&self, other: &Self) -> bool {
        !other.0.is_empty() && self.0.windows(other.0.len()).any(|some| some == other.0)
    }

    /// Whether they are the same, and there are any.
    pub(super) fn are(&self, other: &Self) -> bool {
        !self.0.is_empty() && self.0 == other.0
    }

    /// Whether the whole message means this: one of its words is there, and besides them only
    /// such as go with them.
    pub(super) fn mean(&self, meaning: &Meaning) -> bool {
        let is_word = |word: &String| meaning.words.contains(&word.as_str());
        let goes_along = |word: &String| meaning.along.contains(&word.as_str());
        self.0.iter().any(is_word) && self.0.iter().all(|word| is_word(word) || goes_along(word))
    }

    /// Whether one of the words is there, whatever else is.
    pub(super) fn mention(&self, meaning: &Meaning) -> bool {
        self.0.iter().any(|word| meaning.words.contains(&word.as_str()))
    }

    /// The language whose greeting they begin with.
    pub(super) fn greet_in(&self) -> Option<Language> {
        let first = self.0.first()?;
        let greets = |(_, greeting): &(Language, &Meaning)| greeting.words.contains(&first.as_str());
        GREETINGS.into_iter().find(greets).map(|(language, _)| language)
    }

    /// The language that they ask for.
    pub(super) fn ask_for_language(&self) -> Option<Language> {
        LANGUAGES.into_iter().find(|(_, name)| self.mean(name)).map(|(language, _)| language)
    }
}

/// The number that is the whole answer: "2", "2.", "#2", but not "2 towels".
pub(super) fn number(text: &str) -> Option<usize> {
    // The last two make a digit a key: 2️⃣.
    let around = |c: char| c.is_whitespace() || matches!(c, '.' | ')' | '(' | '#' | '\u{fe0f}' | '\u{20e3}');
    let folded = fold(text);
    let digits = folded.trim_matches(around);
    if digits.bytes().all(|it| it.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Lower case, without accents, wide and other compatible forms made plain.
fn fold(text: &str) -> String {
    // Only accents: the marks of other scripts make other words.
    text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).flat_map(char::to_lowercase).collect()
}

/// Words that mean something, and the words that may stand beside them.
pub(super) struct Meaning {
    words: &'static [&'static str],
    along: &'static [&'static str],
}

/// "Yes, please": the question is answered with yes.
#[rustfmt::skip]
pub(super) const YES: Meaning = Meaning {
    words: &[
        "yes", "yeah", "yep", "ok", "okay", "sure", "correct", "right", "confirm", "confirmed", "perfect", "fine",
        "si", "claro", "vale", "correcto", "confirmo", "confirmar", "perfecto", "acuerdo", "bien",
    ],
    along: &[
        "please", "that", "s", "is", "it", "all", "thanks", "thank", "you",
        "por", "favor", "de", "todo", "esta", "es", "muy", "gracias",
    ],
};

/// "No, thank you": the question is answered with no, or nothing.
#[rustfmt::skip]
pub(super) const NO: Meaning = Meaning {
    words: &["no", "none", "nope", "nothing", "not", "nada", "ninguno", "ninguna", "ningun"],
    along: &[
        "thanks", "thank", "you", "please", "i", "have", "any", "wish", "wishes", "special", "else", "now", "really",
        "gracias", "por", "favor", "tengo", "deseo", "deseos", "mas", "especial", "ahora",
    ],
};

/// "Can I talk to a real person?"
#[rustfmt::skip]
pub(super) const PERSON: Meaning = Meaning {
    words: &[
        "person", "people", "human", "agent", "operator", "someone", "somebody", "reception", "receptionist", "staff",
        "persona", "humano", "humana", "agente", "operador", "operadora", "alguien", "recepcion", "recepcionista",
    ],
    along: &[
        "i", "d", "we", "want", "need", "would", "like", "to", "talk", "speak", "chat", "with", "a", "an", "the", "real",
        "please", "can", "could", "may", "at", "from", "of", "me", "us", "you", "get", "connect", "put", "through",
        "your", "hello", "hi", "hey", "being", "member",
        "quiero", "quisiera", "necesito", "deseo", "puedo", "podria", "hablar", "con", "una", "un", "la", "el", "de",
        "verdad", "real", "por", "favor", "hola", "pueden", "poner", "ponerme", "en", "contacto", "su", "del", "hotel",
    ],
};

/// Where those who have no stay want to get to, however they put it.
pub(super) const RECEPTION: Meaning =
    Meaning { words: &["reception", "receptionist", "recepcion", "recepcionista"], along: &[] };

/// "Menu", "help": the question once more.
#[rustfmt::skip]
pub(super) const MENU: Meaning = Meaning {
    words: &["menu", "help", "start", "options", "back", "inicio", "ayuda", "opciones", "volver"],
    along: &["please", "main", "the", "show", "me", "go", "to", "por", "favor", "principal", "el", "las", "al", "ver"],
};

/// "Stop": the flow is to be silent.
pub(super) const STOP: Meaning = Meaning {
    words: &["stop", "unsubscribe", "basta", "parar", "baja"],
    along: &["please", "it", "now", "por", "favor"],
};

/// "Thank you": needs no answer.
#[rustfmt::skip]
pub(super) const THANKS: Meaning = Meaning {
    words: &["thanks", "thank", "thx", "gracias"],
    along: &[
        "you", "very", "much", "so", "a", "lot", "many", "ok", "okay", "great", "perfect", "bye",
        "muchas", "mil", "muchisimas", "por", "todo", "vale", "perfecto", "adios",
    ],
};

/// "Good morning", and nothing else, in a language.
pub(super) const GREETINGS: [(Language, &Meaning); 2] = [
    (
        Language::English,
        &Meaning {
            words: &["hello", "hi", "hey", "good", "greetings"],
            along: &["morning", "afternoon", "evening", "day", "there", "dear", "all"],
        },
    ),
    (
        Language::Spanish,
        &Meaning {
            words: &["hola", "buenos", "buenas", "buen", "saludos"],
            along: &["dia", "dias", "tarde", "tardes", "noche", "noches", "muy", "a", "todos"],
        },
    ),
];

/// "Español, por favor": the flow is to speak it.
const LANGUAGES: [(Language, &Meaning); 2] = [
    (Language::English, &Meaning { words: &["english", "ingles"], along: &["in", "en", "please", "por", "favor"] }),
    (
        Language::Spanish,
        &Meaning { words: &["espanol", "spanish", "castellano"], along: &["in", "en", "please", "por", "favor"] },
    ),
];
