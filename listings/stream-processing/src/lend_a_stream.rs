//! Some items of a stream, and then the rest.

use std::future::Future; // only edition 2021 needs this line
use std::pin::Pin;

use futures::stream::{Peekable, Stream, StreamExt};

// ANCHOR: head
/// What a cash desk says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which desk it is.
    pub desk: String,
    /// On which day.
    pub day: String,
}

/// Reads the first two messages; `None` if the stream ends before. The rest stays.
///
/// # Cancel safety
/// If you drop this after the first message, that message is lost.
pub async fn head<S>(messages: &mut S) -> Option<Head>
where
    S: Stream<Item = String> + Unpin,
{
    let desk = messages.next().await?;
    let day = messages.next().await?;
    Some(Head { desk, day })
}
// ANCHOR_END: head

// ANCHOR: sales
/// Reads the sales up to the total. The total stays in the stream.
///
/// # Cancel safety
/// If you drop this, the sales that it has read are lost.
pub async fn sales<S>(mut messages: Pin<&mut Peekable<S>>) -> Vec<String>
where
    S: Stream<Item = String>,
{
    let mut sales = Vec::new();
    // ANCHOR: next_if
    let is_sale = |message: &String| !message.starts_with("total");
    while let Some(sale) = messages.as_mut().next_if(is_sale).await {
        sales.push(sale);
    }
    // ANCHOR_END: next_if
    sales
}
// ANCHOR_END: sales

// ANCHOR: prices
/// Asks for the prices of the next `count` products, two at a time.
///
/// # Cancel safety
/// If you drop this, the products that it has taken are lost, with their prices.
pub async fn prices<S, Fut>(
    products: &mut S,
    count: usize,
    ask: impl FnMut(String) -> Fut,
) -> Vec<Fut::Output>
where
    S: Stream<Item = String> + Unpin,
    Fut: Future,
{
    // ANCHOR: take_first
    // `products` is a `&mut S`, so `take` owns only this reference.
    products.take(count).map(ask).buffered(2).collect().await
    // ANCHOR_END: take_first
}
// ANCHOR_END: prices

/// How it goes wrong.
pub mod naive {
    use super::*;
    use std::future::ready;

    /// Wrong: `take` owns the stream, and with its end, the stream is dropped.
    pub async fn first_two(messages: impl Stream<Item = String>) -> Vec<String> {
        messages.take(2).collect().await
    }

    /// Wrong: `take_while` has taken the total too, and drops it.
    pub async fn sales<S>(messages: &mut S) -> Vec<String>
    where
        S: Stream<Item = String> + Unpin,
    {
        // ANCHOR: take_while
        let is_sale = |message: &String| ready(!message.starts_with("total"));
        let sales = messages.take_while(is_sale).collect().await;
        // ANCHOR_END: take_while
        sales
    }

    /// Wrong: `buffered` has begun with one product more when `take` has enough.
    pub async fn prices<S, Fut>(
        products: &mut S,
        count: usize,
        ask: impl FnMut(String) -> Fut,
    ) -> Vec<Fut::Output>
    where
        S: Stream<Item = String> + Unpin,
        Fut: Future,
    {
        // ANCHOR: take_last
        // `products` is a `&mut S`, so `map` owns only this reference.
        products.map(ask).buffered(2).take(count).collect().await
        // ANCHOR_END: take_last
    }
}

#[cfg(test)]
mod tests;
