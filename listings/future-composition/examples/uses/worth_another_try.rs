use future_composition::one_error_type::HttpError;
use policy::retry::Transient;
use reqwest::{StatusCode, Url};
use std::time::Duration;

pub(crate) fn main() {
    let url: Url = "http://shop.test/prices".parse().expect("this is a URL");
    let status = |code, retry_after| {
        let url = url.clone();
        HttpError::Status { url, code, retry_after }
    };
    for error in [
        status(StatusCode::SERVICE_UNAVAILABLE, None),
        status(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(2))),
        status(StatusCode::FORBIDDEN, None),
        HttpError::NotFound { url: url.clone() },
    ] {
        match (error.transient(), error.retry_after()) {
            (true, Some(wait)) => println!("{error}: again, after {wait:?}"),
            (true, None) => println!("{error}: again, when the policy says so"),
            (false, _) => println!("{error}: not again"),
        }
    }
}
