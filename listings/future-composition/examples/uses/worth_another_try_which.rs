use future_composition::one_error_type::HttpError;
use policy::Transient;
use reqwest::{StatusCode, Url};

pub(crate) fn main() {
    // ANCHOR: which
    let url: Url = "http://shop.test/prices".parse().expect("this is a URL");
    for code in [403, 429, 500, 501, 503].map(StatusCode::from_u16) {
        let code = code.expect("this is a status");
        let error = HttpError::Status { url: url.clone(), code, retry_after: None };
        println!("{code}: {}", error.transient());
    }
    // ANCHOR_END: which
}
