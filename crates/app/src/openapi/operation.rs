//! One call, described.

use std::collections::BTreeMap;

use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, ContentBuilder, HeaderBuilder, HttpMethod, ObjectBuilder, PathItem, PathsBuilder, Ref, RefOr,
        Required, Response, ResponseBuilder, Schema, Type,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::SchemaType,
        security::SecurityRequirement,
    },
};

use super::OURS;
use crate::rest::attachments;

/// The refusals there are.
pub const REFUSALS: [(u16, &str); 14] = [
    (400, "Bad JSON, a field or parameter that cannot be, or a body that ends early (`incomplete_body`)."),
    (401, "Nobody is signed in, or the credentials are wrong."),
    (403, "The role or the API key may not do this, or the page may not use the cookie."),
    (404, "No such thing, or not yours to see."),
    (406, "Only JSON is given."),
    (408, "The body came too slowly (`request_timeout`): no part of it for 10 s, or over 30 s + 1 s per 64 KiB."),
    (409, "The state forbids it."),
    (413, "The body is over 256 KiB, or over what the call says of itself; or WhatsApp takes only smaller files."),
    (415, "Only JSON is taken, or what the call says of itself; or WhatsApp takes no such file (`unsupported_file`)."),
    (426, "A WebSocket is opened by HTTP/1.1 and in version 13 only."),
    (429, "Too many."),
    (500, "Our fault."),
    (
        503,
        "The database is away, or bodies of requests fill the memory that is reserved for them. Nothing was done, or all \
         of it: repeat with the same Idempotency-Key.",
    ),
    (405, "This method is not there."),
];

const JSON: &str = "application/json";

type SchemaRef = RefOr<Schema>;
type Make = fn(&mut Shapes) -> SchemaRef;

/// The shapes that are described so far.
#[derive(Default)]
pub struct Shapes(BTreeMap<String, SchemaRef>);

/// A call that is being described.
pub struct Operation {
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    by: Vec<&'static str>,
    body: Option<(Body, Required)>,
    parameters: Vec<Parameter>,
    headers: Vec<(&'static str, &'static str)>,
    answers: Vec<(u16, What)>,
    refuses: Vec<u16>,
    takes_key: bool,
}

#[derive(Clone, Copy)]
enum What {
    Nothing,
    Text,
    File,
    Json(Make),
    List(Make),
}

/// What is sent.
#[derive(Clone, Copy)]
enum Body {
    Json(Make),
    /// A file of this media type, as it is or as the part `file` of a form.
    File(&'static str),
    /// A file to send, the part `file` of a form, and what is said with it, the part `text`.
    Upload,
}

/// A GET.
pub fn get(path: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Get, path, summary)
}

/// A POST.
pub fn post(path: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Post, path, summary)
}

/// A PATCH.
pub fn patch(path: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Patch, path, summary)
}

/// A DELETE.
pub fn delete(path: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Delete, path, summary)
}

/// The name of a refusal among the responses.
pub fn refusal(status: u16) -> String {
    format!("Refused{status}")
}

impl Shapes {
    /// A shape, with all that it refers to.
    pub fn of<T: ToSchema>(&mut self) -> SchemaRef {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.0.extend(inner);
        self.0.insert(T::name().into_owned(), T::schema());
        RefOr::Ref(Ref::from_schema_name(T::name()))
    }

    /// A shape written out where it is used: generic ones share a name.
    fn inline<T: ToSchema>(&mut self) -> SchemaRef {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.0.extend(inner);
        T::schema()
    }

    /// All of them, by name.
    pub fn into_schemas(self) -> BTreeMap<String, SchemaRef> {
        self.0
    }
}

impl Operation {
    fn new(method: HttpMethod, path: &'static str, summary: &'static str) -> Self {
        let ids = [("{id}", "id", "Its id."), ("{message_id}", "message_id", "The message's id.")];
        let ids = ids.into_iter().filter(|(place, ..)| path.contains(place));
        Self {
            method,
            path,
            summary,
            by: Vec::new(),
            body: None,
            parameters: ids.map(|(_, name, told)| parameter(name, "integer", told, ParameterIn::Path)).collect(),
            headers: Vec::new(),
            answers: Vec::new(),
            refuses: OURS.to_vec(),
            takes_key: false,
        }
    }

    /// Who may call is told by any of these.
    pub fn by(mut self, schemes: &[&'static str]) -> Self {
        self.by.extend(schemes);
        self
    }

    /// A call of staff.
    pub fn staff(self) -> Self {
        self.by(&["bearer"]).refuses(&[401, 403, 406])
    }

    /// A write of staff with a body.
    pub fn write<T: ToSchema>(self) -> Self {
        self.bare_write().takes::<T>()
    }

    /// A write of staff without a body.
    pub fn bare_write(mut self) -> Self {
        let sentence = "The same key again answers as the first time, and does nothing.";
        self.parameters.push(parameter("Idempotency-Key", "string", sentence, ParameterIn::Header));
        self.takes_key = true;
        self.staff().refuses(&[400, 404, 409, 413, 415])
    }

    /// It needs this body.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some((Body::Json(Shapes::of::<T>), Required::True));
        self
    }

    /// It takes this body, or none.
    pub fn may_take<T: ToSchema>(mut self) -> Self {
        self.body = Some((Body::Json(Shapes::of::<T>), Required::False));
        self
    }

    /// It needs a file of this media type, as it is or as the part `file` of a form.
    pub fn takes_file(mut self, media: &'static str) -> Self {
        self.body = Some((Body::File(media), Required::True));
        self
    }

    /// It needs a form with a file to send.
    pub fn takes_upload(mut self) -> Self {
        self.body = Some((Body::Upload, Required::True));
        self
    }

    /// It takes this query parameter.
    pub fn asks(mut self, name: &str, kind: &str, sentence: &str) -> Self {
        self.parameters.push(parameter(name, kind, sentence, ParameterIn::Query));
        self
    }

    /// It has to be given this query parameter.
    pub fn needs(mut self, name: &str, kind: &str, sentence: &str) -> Self {
        let mut needed = parameter(name, kind, sentence, ParameterIn::Query);
        needed.required = Required::True;
        self.parameters.push(needed);
        self
    }

    /// It answers a page of a list.
    pub fn paged(self) -> Self {
        self.asks("page", "integer", "Which page, from 1.").asks("page_size", "integer", "Entries a page, 1 to 100.")
    }

    /// Its answers carry this header.
    pub fn tells(mut self, name: &'static str, sentence: &'static str) -> Self {
        self.headers.push((name, sentence));
        self
    }

    /// Its answers say where in the event log they stand.
    pub fn stands(self) -> Self {
        self.tells("X-Event-Epoch", "The name of the event log's history.")
            .tells("X-Event-Seq", "The last event that is in the answer: what a `resume` starts from.")
    }

    /// It answers JSON.
    pub fn answers<T: ToSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, What::Json(Shapes::of::<T>)));
        self
    }

    /// It answers JSON of a generic shape.
    pub fn answers_inline<T: ToSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, What::Json(Shapes::inline::<T>)));
        self
    }

    /// It answers an array.
    pub fn answers_list<T: ToSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, What::List(Shapes::of::<T>)));
        self
    }

    /// It answers without a body.
    pub fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.push((status, What::Nothing));
        self
    }

    /// It answers text.
    pub fn answers_text(mut self, status: u16) -> Self {
        self.answers.push((status, What::Text));
        self
    }

    /// It answers a file.
    pub fn answers_file(mut self, status: u16) -> Self {
        self.answers.push((status, What::File));
        self
    }

    /// It may refuse with these.
    pub fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refuses.extend(statuses);
        self
    }

    /// Puts it among the paths.
    pub fn described(mut self, group: &'static str, paths: PathsBuilder, shapes: &mut Shapes) -> PathsBuilder {
        // A replay is a 200, whatever the first answer was.
        if self.takes_key
            && let Some(&(status, what)) = self.answers.first()
            && status != 200
        {
            self.answers.push((200, what));
        }
        // Whoever takes a body waits for it, but not for ever.
        if self.refuses.contains(&413) {
            self.refuses.push(408);
        }
        let mut operation =
            OperationBuilder::new().tag(group).summary(Some(self.summary)).parameters(Some(self.parameters));
        if !self.by.is_empty() {
            let required = self.by.iter().map(|scheme| SecurityRequirement::new(*scheme, Vec::<String>::new()));
            operation = operation.securities(Some(required));
        }
        if let Some((body, required)) = self.body {
            operation = operation.request_body(Some(request(body, shapes).required(Some(required)).build()));
        }
        for status in &self.refuses {
            operation = operation.response(status.to_string(), Ref::from_response_name(refusal(*status)));
        }
        for (status, what) in self.answers {
            operation = operation.response(status.to_string(), answer(what, &self.headers, shapes));
        }
        paths.path(self.path, PathItem::new(self.method, operation))
    }
}

fn request(body: Body, shapes: &mut Shapes) -> RequestBodyBuilder {
    let content = |schema: SchemaRef| ContentBuilder::new().schema(Some(schema)).build();
    match body {
        Body::Json(make) => RequestBodyBuilder::new().content(JSON, content(make(shapes))),
        Body::File(media) => {
            let form = ObjectBuilder::new().property("file", text()).required("file").build();
            RequestBodyBuilder::new()
                .content(media, content(text().into()))
                .content("multipart/form-data", content(Schema::from(form).into()))
        }
        Body::Upload => {
            let form = ObjectBuilder::new().property("file", text()).property("text", text()).required("file").build();
            RequestBodyBuilder::new().content("multipart/form-data", content(Schema::from(form).into()))
        }
    }
}

fn answer(what: What, headers: &[(&'static str, &'static str)], shapes: &mut Shapes) -> Response {
    let response = ResponseBuilder::new().description("Done.");
    let response = headers.iter().fold(response, |response, (name, sentence)| {
        response.header(*name, HeaderBuilder::new().schema(Some(text())).description(Some(*sentence)).build())
    });
    let (media, schema) = match what {
        What::Nothing => return response.build(),
        What::Text => ("text/plain", text().into()),
        What::File => {
            let file = |response: ResponseBuilder, media: &&str| {
                response.content(*media, ContentBuilder::new().schema(Some(text())).build())
            };
            return attachments::HARMLESS.iter().fold(response, file).build();
        }
        What::Json(make) => (JSON, make(shapes)),
        What::List(make) => (JSON, Schema::from(ArrayBuilder::new().items(make(shapes)).build()).into()),
    };
    response.content(media, ContentBuilder::new().schema(Some(schema)).build()).build()
}

fn text() -> Schema {
    typed(Type::String)
}

fn typed(kind: Type) -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind)).build().into()
}

fn parameter(name: &str, kind: &str, sentence: &str, place: ParameterIn) -> Parameter {
    let kind = match kind {
        "integer" => Type::Integer,
        "boolean" => Type::Boolean,
        _ => Type::String,
    };
    let required = if matches!(place, ParameterIn::Path) { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(sentence))
        .schema(Some(typed(kind)))
        .build()
}
