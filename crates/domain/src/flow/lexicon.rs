//! Vocabulary of the guest flow in English and Spanish, both of which are always understood.
//!
//! Words are compared whole, ignoring case and accents.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::texts::FlowLanguage;

/// The normalized words of a guest's text.
pub(super) struct Words(Vec<String>);

impl Words {
    /// Splits at Unicode word boundaries, and also inside "Hello.Reception" and "spa's", because people omit spaces.
    pub(super) fn of(text: &str) -> Self {
        let is_separator = |c| matches!(c, '.' | ':' | ',' | ';' | '\'' | '’' | '_' | '·');
        let folded = fold(text);
        let words = folded.unicode_words().flat_map(|word| word.split(is_separator)).filter(|word| !word.is_empty());
        Self(words.map(str::to_owned).collect())
    }

    /// Whether the words of `other` occur side by side in this text. Returns `false` if `other` is empty.
    pub(super) fn contain(&self, other: &Self) -> bool {
        !other.0.is_empty() && self.0.windows(other.0.len()).any(|some| some == other.0)
    }

    /// Whether both texts have the same words, and at least one.
    pub(super) fn equal(&self, other: &Self) -> bool {
        !self.0.is_empty() && self.0 == other.0
    }

    /// Whether the whole message has the meaning of a vocabulary: it contains a keyword, and otherwise only fillers.
    pub(super) fn express(&self, vocabulary: &Vocabulary) -> bool {
        let is_keyword = |word: &String| vocabulary.keywords.contains(&word.as_str());
        let is_filler = |word: &String| vocabulary.fillers.contains(&word.as_str());
        self.0.iter().any(is_keyword) && self.0.iter().all(|word| is_keyword(word) || is_filler(word))
    }

    /// Whether the message contains a keyword of a vocabulary.
    pub(super) fn mention(&self, vocabulary: &Vocabulary) -> bool {
        self.0.iter().any(|word| vocabulary.keywords.contains(&word.as_str()))
    }

    /// The language of the greeting with which the message begins.
    pub(super) fn greeting_language(&self) -> Option<FlowLanguage> {
        let first = self.0.first()?;
        let greets = |(_, greeting): &(FlowLanguage, &Vocabulary)| greeting.keywords.contains(&first.as_str());
        GREETINGS.into_iter().find(greets).map(|(language, _)| language)
    }

    /// The language that the guest asks for, as in "English, please".
    pub(super) fn requested_language(&self) -> Option<FlowLanguage> {
        LANGUAGES.into_iter().find(|(_, name)| self.express(name)).map(|(language, _)| language)
    }
}

/// The number in a guest's text, if the text is nothing else: "2", "2.", "#2", but not "2 towels".
pub(super) fn number(text: &str) -> Option<usize> {
    // U+FE0F and U+20E3 turn a digit into a keycap emoji: 2️⃣.
    let around = |c: char| c.is_whitespace() || matches!(c, '.' | ')' | '(' | '#' | '\u{fe0f}' | '\u{20e3}');
    let folded = fold(text);
    let digits = folded.trim_matches(around);
    if digits.bytes().all(|it| it.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Normalizes a text to lower case without accents, with full-width and other compatibility characters replaced.
fn fold(text: &str) -> String {
    // Only accents are removed: in other scripts, combining marks distinguish words.
    text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).flat_map(char::to_lowercase).collect()
}

/// Vocabulary of one meaning: keywords, and the fillers that may accompany them.
pub(super) struct Vocabulary {
    keywords: &'static [&'static str],
    fillers: &'static [&'static str],
}

/// Words for yes, as in "Yes, please".
#[rustfmt::skip]
pub(super) const YES: Vocabulary = Vocabulary {
    keywords: &[
        "yes", "yeah", "yep", "ok", "okay", "sure", "correct", "right", "confirm", "confirmed", "perfect", "fine",
        "si", "claro", "vale", "correcto", "confirmo", "confirmar", "perfecto", "acuerdo", "bien",
    ],
    fillers: &[
        "please", "that", "s", "is", "it", "all", "thanks", "thank", "you",
        "por", "favor", "de", "todo", "esta", "es", "muy", "gracias",
    ],
};

/// Words for no, as in "No, thank you".
#[rustfmt::skip]
pub(super) const NO: Vocabulary = Vocabulary {
    keywords: &["no", "none", "nope", "nothing", "not", "nada", "ninguno", "ninguna", "ningun"],
    fillers: &[
        "thanks", "thank", "you", "please", "i", "have", "any", "wish", "wishes", "special", "else", "now", "really",
        "gracias", "por", "favor", "tengo", "deseo", "deseos", "mas", "especial", "ahora",
    ],
};

/// Words of a guest who wants a person, as in "Can I talk to a real person?"
#[rustfmt::skip]
pub(super) const PERSON: Vocabulary = Vocabulary {
    keywords: &[
        "person", "people", "human", "agent", "operator", "someone", "somebody", "reception", "receptionist", "staff",
        "persona", "humano", "humana", "agente", "operador", "operadora", "alguien", "recepcion", "recepcionista",
    ],
    fillers: &[
        "i", "d", "we", "want", "need", "would", "like", "to", "talk", "speak", "chat", "with", "a", "an", "the", "real",
        "please", "can", "could", "may", "at", "from", "of", "me", "us", "you", "get", "connect", "put", "through",
        "your", "hello", "hi", "hey", "being", "member",
        "quiero", "quisiera", "necesito", "deseo", "puedo", "podria", "hablar", "con", "una", "un", "la", "el", "de",
        "verdad", "real", "por", "favor", "hola", "pueden", "poner", "ponerme", "en", "contacto", "su", "del", "hotel",
    ],
};

/// Words for the reception. A guest without a stay who mentions it is connected.
pub(super) const RECEPTION: Vocabulary =
    Vocabulary { keywords: &["reception", "receptionist", "recepcion", "recepcionista"], fillers: &[] };

/// Words that ask to repeat the question, as in "menu" or "help".
#[rustfmt::skip]
pub(super) const MENU: Vocabulary = Vocabulary {
    keywords: &["menu", "help", "start", "options", "back", "inicio", "ayuda", "opciones", "volver"],
    fillers: &[
        "please", "main", "the", "show", "me", "go", "to",
        "por", "favor", "principal", "el", "las", "al", "ver",
    ],
};

/// Words that silence the flow, as in "stop".
pub(super) const STOP: Vocabulary = Vocabulary {
    keywords: &["stop", "unsubscribe", "basta", "parar", "baja"],
    fillers: &["please", "it", "now", "por", "favor"],
};

/// Words of thanks, as in "thank you", which need no reply.
#[rustfmt::skip]
pub(super) const THANKS: Vocabulary = Vocabulary {
    keywords: &["thanks", "thank", "thx", "gracias"],
    fillers: &[
        "you", "very", "much", "so", "a", "lot", "many", "ok", "okay", "great", "perfect", "bye",
        "muchas", "mil", "muchisimas", "por", "todo", "vale", "perfecto", "adios",
    ],
};

/// Words of greeting in each language, as in "good morning".
pub(super) const GREETINGS: [(FlowLanguage, &Vocabulary); 2] = [
    (
        FlowLanguage::English,
        &Vocabulary {
            keywords: &["hello", "hi", "hey", "good", "greetings"],
            fillers: &["morning", "afternoon", "evening", "day", "there", "dear", "all"],
        },
    ),
    (
        FlowLanguage::Spanish,
        &Vocabulary {
            keywords: &["hola", "buenos", "buenas", "buen", "saludos"],
            fillers: &["dia", "dias", "tarde", "tardes", "noche", "noches", "muy", "a", "todos"],
        },
    ),
];

/// Words that switch the language of the flow, as in "Español, por favor".
const LANGUAGES: [(FlowLanguage, &Vocabulary); 2] = [
    (
        FlowLanguage::English,
        &Vocabulary { keywords: &["english", "ingles"], fillers: &["in", "en", "please", "por", "favor"] },
    ),
    (
        FlowLanguage::Spanish,
        &Vocabulary {
            keywords: &["espanol", "spanish", "castellano"],
            fillers: &["in", "en", "please", "por", "favor"],
        },
    ),
];
