//! Every header that Kith reads or answers with. A new one is one entry here, and it is in the
//! document of every operation it concerns.

use serde_json::{Value, json};

/// A header as the document shows it.
pub(super) struct Header {
    pub(super) name: &'static str,
    says: &'static str,
    /// A regular expression that its value matches.
    pattern: &'static str,
    example: &'static str,
    /// Whether it is always there: of an answer's, where it is listed; a request's never is.
    always: bool,
}

const TRACEPARENT: &str = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$";
const BOOKMARK: &str = "q83vEjRWeJCrze8SNFZ4kDAwMDAwMDg1LTAwMDAwMjRjLTAwMDA0YzZkLThlNjExMTdiZjM4ZDdhZGI3MWI5MzRlYmJmODkxNjgz";
const REQUEST_ID: &str = "^[A-Za-z0-9._-]{1,64}$";

/// What any request may bear. `Authorization` is not here, because it is the security scheme.
pub(super) const EVERY_REQUEST: &[Header] = &[
    Header {
        name: "X-Request-Id",
        says: "Names the request, with 1 to 64 of `A-Z a-z 0-9 . _ -`. One of another form is replaced.",
        // Whatever is sent is taken: no request is refused for its name.
        pattern: "",
        example: "5b1f0c1e9a5d4f0c8f6f0f6f3c1b2a19",
        always: false,
    },
    Header {
        name: "traceparent",
        says: "The trace to continue (W3C Trace Context). One that breaks the standard is not.",
        // As the standard demands: one that breaks it is as none.
        pattern: "",
        example: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        always: false,
    },
];

/// What some requests may bear; an operation names those it reads.
pub(super) const SOME_REQUESTS: &[Header] = &[
    Header {
        name: "D1-Bookmark",
        says: "The one of the latest write that was answered. What is read is at least as new as that; without it, somebody signed in reads the newest state, and anybody else one that may be a little old. What writes always meets the newest state.",
        pattern: "^[A-Za-z0-9_-]{22,512}$",
        example: BOOKMARK,
        always: false,
    },
    Header {
        name: "If-None-Match",
        says: "The entity tags of what the client has. Where one is still right, the answer is a 304.",
        pattern: "",
        example: "W/\"0123456789ab.7.5.3\"",
        always: false,
    },
    Header {
        name: "If-Match",
        says: "The entity tag of what is to be changed, as it was read. Where it has been changed since, the answer is a 412. What only hangs on it, like a count, is no change.",
        pattern: "",
        example: "\"3.mJx0vR5dZk2cQyWb\"",
        always: false,
    },
    Header {
        name: "Idempotency-Key",
        says: "Names what is to be created: in quotes or bare, for a day, for this account. The same request under the same key creates nothing more, and answers what the first answered.",
        pattern: "^(\"([ !#-\\[\\]-~]|\\\\[\"\\\\]){1,255}\"|[!#-~][ -~]{0,254})$",
        example: "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
        always: false,
    },
    Header {
        name: "User-Agent",
        says: "Kept with the session, up to 256 characters, so that its owner can tell it from others.",
        pattern: "",
        example: "Kith/1.0 (iPhone; iOS 26.1)",
        always: false,
    },
];

/// What every answer bears, refusals too.
pub(super) const EVERY_ANSWER: &[Header] = &[
    Header {
        name: "X-Request-Id",
        says: "The request's name, as sent or made here. It is in the server's log too.",
        pattern: REQUEST_ID,
        example: "5b1f0c1e9a5d4f0c8f6f0f6f3c1b2a19",
        always: true,
    },
    Header {
        name: "traceparent",
        says: "The trace that the request belongs to, and its span in it.",
        pattern: TRACEPARENT,
        example: "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01",
        always: true,
    },
    Header {
        name: "Server-Timing",
        says: "Milliseconds from the request's arrival to its answer, and those of them spent waiting for the database.",
        pattern: "^total;dur=[0-9]+, d1;dur=[0-9]+$",
        example: "total;dur=9, d1;dur=7",
        always: true,
    },
    Header {
        name: "Kith-Cost",
        says: "What the answer cost, in the platform's own figures. Only from a deployment that shows it. Rows are `unknown` where the platform did not tell.",
        pattern: "^d1_trips=[0-9]+, rows_read=([0-9]+|unknown), rows_written=([0-9]+|unknown), kv_reads=[0-9]+, kv_writes=[0-9]+, queue_sends=[0-9]+, r2_ops=[0-9]+$",
        example: "d1_trips=1, rows_read=9, rows_written=5, kv_reads=0, kv_writes=0, queue_sends=1, r2_ops=0",
        always: false,
    },
    Header {
        name: "RateLimit-Policy",
        says: "The limits that the request is subject to: so many (`q`) in so many seconds (`w`) for one client address or account, or for what the name says (draft-ietf-httpapi-ratelimit-headers-10). Not from a deployment that lacks a setting.",
        pattern: "^\"[a-z-]+\";q=[0-9]+;w=[0-9]+(, \"[a-z-]+\";q=[0-9]+;w=[0-9]+)*$",
        example: "\"address\";q=1200;w=60, \"account\";q=300;w=60",
        always: false,
    },
    Header {
        name: "RateLimit",
        says: "What is left (`r`) of those limits that are counted exactly, and the seconds until there is a new quota (`t`). Where the request was counted.",
        pattern: "^\"[a-z-]+\";r=[0-9]+;t=[0-9]+(, \"[a-z-]+\";r=[0-9]+;t=[0-9]+)*$",
        example: "\"sign-in-address\";r=99;t=840, \"sign-in-name\";r=4;t=840",
        always: false,
    },
    Header {
        name: "Cache-Control",
        says: "Who may keep the answer, and for how long.",
        pattern: "",
        example: "private, no-store",
        always: true,
    },
    Header {
        name: "Vary",
        says: "The answer depends on this header of the request too.",
        pattern: "^Origin$",
        example: "Origin",
        always: true,
    },
    Header {
        name: "Access-Control-Allow-Origin",
        says: "The page that asks may read the answer. Only for the origins that the deployment allows.",
        pattern: "^https?://[^/]+$",
        example: "https://app.example",
        always: false,
    },
    Header {
        name: "Access-Control-Expose-Headers",
        says: "The headers that it may read.",
        pattern: "^[a-z0-9-]+(,[a-z0-9-]+)*$",
        example: "etag,link,location,x-request-id",
        always: false,
    },
    Header {
        name: "Content-Security-Policy",
        says: "An answer is data: nothing in it is to be run or framed.",
        pattern: "^default-src 'none'; base-uri 'none'; frame-ancestors 'none'$",
        example: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        always: true,
    },
    Header {
        name: "Strict-Transport-Security",
        says: "HTTPS only, from now on.",
        pattern: "^max-age=[0-9]+; includeSubDomains$",
        example: "max-age=63072000; includeSubDomains",
        always: true,
    },
    Header {
        name: "X-Content-Type-Options",
        says: "The type is as stated.",
        pattern: "^nosniff$",
        example: "nosniff",
        always: true,
    },
];

/// What some answers bear; an operation names those of its own, and [`of_refusal`] those of a status.
pub(super) const SOME_ANSWERS: &[Header] = &[
    Header {
        name: "D1-Bookmark",
        says: "Names the state that holds what was written, to be sent with the reads that are to see it. Absent where the platform names none.",
        pattern: "^[A-Za-z0-9_-]{22,512}$",
        example: BOOKMARK,
        always: false,
    },
    Header {
        name: "Allow",
        says: "The methods that the path has.",
        pattern: "",
        example: "GET,HEAD,POST,OPTIONS",
        always: true,
    },
    Header {
        name: "Access-Control-Allow-Headers",
        says: "The headers that a page may send.",
        pattern: "^[a-z0-9-]+(,[a-z0-9-]+)*$",
        example: "authorization,content-type,idempotency-key",
        always: false,
    },
    Header {
        name: "Access-Control-Allow-Methods",
        says: "The methods that a page may use.",
        pattern: "^[A-Z]+(,[A-Z]+)*$",
        example: "GET,HEAD,POST,PUT,PATCH,DELETE",
        always: false,
    },
    Header {
        name: "Access-Control-Max-Age",
        says: "Seconds for which a browser need not ask again.",
        pattern: "^[0-9]+$",
        example: "7200",
        always: false,
    },
    Header {
        name: "ETag",
        says: "Stands for what is shown, for `If-None-Match` and, where it is not weak, for `If-Match`.",
        pattern: "^(W/)?\"[^\"]+\"$",
        example: "\"3.mJx0vR5dZk2cQyWb\"",
        always: true,
    },
    Header {
        name: "Idempotent-Replayed",
        says: "The same request was answered before, under the same key: this is that answer.",
        pattern: "^true$",
        example: "true",
        always: false,
    },
    Header {
        name: "Link",
        says: "The next page (RFC 8288), relative to the address asked for. Absent on the last.",
        pattern: "^<\\?([A-Za-z0-9_.*%+-]+=[A-Za-z0-9_.*%+-]+&)*limit=[0-9]+&cursor=[A-Za-z0-9_-]+>; rel=\"next\"$",
        example: "<?limit=20&cursor=qL1vTq0b2mZ5c8sX3nD4yzAxOTNhYmM>; rel=\"next\"",
        always: false,
    },
    Header {
        name: "Location",
        says: "Where what was created is to be found.",
        pattern: "^/api/v1/",
        example: "/api/v1/posts/019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e",
        always: true,
    },
    Header {
        name: "Retry-After",
        says: "Seconds after which to try again.",
        pattern: "^[1-9][0-9]*$",
        example: "1",
        always: true,
    },
    Header {
        name: "WWW-Authenticate",
        says: "How to sign in (RFC 6750).",
        pattern: "^Bearer( error=\"invalid_token\")?$",
        example: "Bearer error=\"invalid_token\"",
        always: true,
    },
];

/// What the answer to a preflight bears besides.
pub(super) const OF_PREFLIGHTS: &[&str] = &[
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Max-Age",
];

/// The names of all headers that Kith reads, but for those of the body and the access token.
pub fn read() -> impl Iterator<Item = &'static str> {
    EVERY_REQUEST
        .iter()
        .chain(SOME_REQUESTS)
        .map(|header| header.name)
}

/// The names of all headers that Kith answers with, but for those of the body.
pub fn answered() -> impl Iterator<Item = &'static str> {
    EVERY_ANSWER
        .iter()
        .chain(SOME_ANSWERS)
        .map(|header| header.name)
}

/// What every refusal with a status bears besides.
pub(super) fn of_refusal(status: u16) -> &'static [&'static str] {
    match status {
        401 => &["WWW-Authenticate"],
        405 => &["Allow"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    }
}

impl Header {
    fn schema(&self) -> Value {
        if self.pattern.is_empty() {
            json!({"type": "string"})
        } else {
            json!({"type": "string", "pattern": self.pattern})
        }
    }

    /// Its entry in `components.parameters`.
    pub(super) fn parameter(&self) -> Value {
        json!({
            "name": self.name,
            "in": "header",
            "required": self.always,
            "description": self.says,
            "schema": self.schema(),
            // Shown, but not sent by whoever tries a request out: two requests must not share an id.
            "examples": {"usual": {"value": self.example, "x-disabled": true}},
        })
    }

    /// Its entry in `components.headers`.
    pub(super) fn header(&self) -> Value {
        json!({
            "required": self.always,
            "description": self.says,
            "schema": self.schema(),
            "example": self.example,
        })
    }
}
