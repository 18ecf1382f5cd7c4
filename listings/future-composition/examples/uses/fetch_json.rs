use future_composition::one_error_type::{HttpError, Limits, fetch_json, with_limits};
use serde_json::Value;
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Somebody's server. It answers each request in the same way, and then closes.
async fn server(head: &str, body: &str) -> io::Result<String> {
    let answer = format!("{head}\r\nconnection: close\r\n\r\n{body}");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/prices", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _size = client.read(&mut [0; 1024]).await?;
            client.write_all(answer.as_bytes()).await?;
        }
        io::Result::Ok(())
    });
    Ok(url)
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secs = Duration::from_secs;
    let limits = Limits { connect: secs(2), silence: secs(5), total: secs(10) };
    let client = with_limits(reqwest::Client::builder().no_proxy(), limits).build()?;
    for (head, body) in [
        ("HTTP/1.1 200 OK", r#"{"tea": 3}"#),
        ("HTTP/1.1 500 Internal Server Error", r#"{"error": "sorry"}"#),
        ("HTTP/1.1 200 OK", "tea for 3"),
    ] {
        match fetch_json::<Value>(&client, &server(head, body).await?).await {
            Ok(prices) => println!("prices: {prices}"),
            Err(HttpError::Status { code, .. }) => println!("no prices: {code}"),
            Err(HttpError::Decode { source, .. }) => println!("no JSON: {source}"),
            Err(other) => println!("{other}"),
        }
    }
    Ok(())
}
