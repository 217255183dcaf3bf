//! Media types (RFC 9110, section 8.3.1): whether what the client sends is JSON, and whether it takes
//! JSON, which is all that Kith reads and answers.

use http::header::{ACCEPT, HeaderMap};
use mediatype::names::{_STAR, APPLICATION, CHARSET, JSON, Q};
use mediatype::{MediaType, MediaTypeList, ReadParams};

/// Whether a body of this `Content-Type` is JSON: in UTF-8, as all JSON is (RFC 8259, section 8.1).
#[must_use]
pub fn is_json(content_type: &str) -> bool {
    MediaType::parse(content_type).is_ok_and(|media_type| {
        let charset = media_type.get_param(CHARSET);
        means_json(&media_type)
            && charset.is_none_or(|charset| charset.unquoted_str().eq_ignore_ascii_case("utf-8"))
    })
}

/// Whether the client takes JSON (`Accept`; RFC 9110, section 12.5.1): `application/json`, or any type
/// that ends in `+json`.
///
/// No `Accept` takes everything, and so does one that names no media range at all.
#[must_use]
pub fn accepts_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let mut ranges = 0_usize;
    let mut best: Option<(Specificity, f32)> = None;
    for value in values.filter_map(|value| value.to_str().ok()) {
        for range in MediaTypeList::new(value).flatten() {
            ranges = ranges.saturating_add(1);
            let candidate = specificity(&range).map(|specificity| (specificity, weight(&range)));
            // The most specific range decides, whatever its weight; of several, the heaviest.
            if candidate > best {
                best = candidate;
            }
        }
    }
    best.map_or(ranges == 0, |(_, weight)| weight > 0.0)
}

/// How exactly a media range means JSON.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Specificity {
    Anything,
    AnyApplication,
    Json,
}

fn specificity(range: &MediaType<'_>) -> Option<Specificity> {
    if means_json(range) {
        Some(Specificity::Json)
    } else if range.ty == APPLICATION && range.subty == _STAR {
        Some(Specificity::AnyApplication)
    } else if range.ty == _STAR && range.subty == _STAR {
        Some(Specificity::Anything)
    } else {
        None
    }
}

/// `application/json` and `application/*+json`.
fn means_json(media_type: &MediaType<'_>) -> bool {
    media_type.ty == APPLICATION
        && (media_type.suffix == Some(JSON)
            || (media_type.suffix.is_none() && media_type.subty == JSON))
}

/// The weight of a media range, from 0, which refuses it, to 1. One that is no number counts as none.
fn weight(range: &MediaType<'_>) -> f32 {
    let weight = range.get_param(Q).and_then(|q| q.as_str().parse().ok());
    weight
        .filter(|weight: &f32| !weight.is_nan())
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn accepts(value: &'static str) -> bool {
        accepts_json(&HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn a_body_is_json_in_utf_8_only() {
        for body in [
            "application/json",
            "Application/JSON;charset=UTF-8",
            "application/json ; charset=\"utf-8\"",
            "application/json; profile=x",
            "application/vnd.kith+json",
        ] {
            assert!(is_json(body), "{body}");
        }
        for other in [
            "",
            "json",
            "text/json",
            "application/xml",
            "application/json+xml",
            "application/json; charset=utf-16",
            "multipart/form-data; boundary=json",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }

    #[test]
    fn json_by_any_of_its_names_is_accepted() {
        for value in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
            "application/health+json",
            "application/*",
            "*/*",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "text/html;q=0.9,application/json;q=0.001",
            "application/json;q=nan",
        ] {
            assert!(accepts(value), "{value}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_media_range_asks_for_nothing() {
        for value in ["", ",", "json", "*", "/"] {
            assert!(accepts(value), "{value}");
        }
    }

    #[test]
    fn another_type_or_a_weight_of_nothing_is_not_json() {
        for value in [
            "text/html",
            "image/*",
            "application/xml",
            "application/json;q=0",
            "application/json;q=0, */*",
            "application/*;q=0.0, text/html",
        ] {
            assert!(!accepts(value), "{value}");
        }
    }

    #[test]
    fn of_two_ranges_as_exact_the_heavier_decides() {
        assert!(accepts("application/json;q=0, application/problem+json"));
        assert!(accepts("application/problem+json, application/json;q=0"));
    }
}
