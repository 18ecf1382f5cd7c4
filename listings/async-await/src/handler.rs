//! What `async fn` writes for you: a handler of five steps.

use std::future::Future; // only edition 2021 needs this line
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tokio::task::JoinError;

// ANCHOR: shop
/// What a customer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of the item.
    pub item: String,
    /// How many of it.
    pub count: u32,
}

/// A step that may wait, and may fail.
pub type Step<T> = BoxFuture<'static, Result<T, Failed>>;

/// What a handler calls: the connection of the customer, the database, the e-mail.
pub trait Shop: Send + Sync {
    /// Reads the order from the connection.
    fn read(&self) -> Step<Order>;
    /// How many of the item the shop has.
    fn look_up(&self, item: &str) -> Step<u32>;
    /// Writes the order into the database.
    fn write(&self, order: &Order) -> Step<()>;
    /// Sends the customer an e-mail.
    fn answer(&self, text: String) -> Step<()>;
}

/// Why an order was not taken, or not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The shop has fewer than the customer wants.
    #[error("only {0} are left")]
    SoldOut(u32),
    /// The customer, or the database, is gone.
    #[error("the connection is lost")]
    Lost,
}
// ANCHOR_END: shop

// ANCHOR: async_fn
/// Takes one order.
///
/// # Errors
/// There are not enough, or a step has failed.
///
/// # Cancel safety
/// If this is dropped at `write` or later, the order may be written, and the customer
/// may not know.
pub async fn handle(shop: &dyn Shop) -> Result<(), Failed> {
    let order = shop.read().await?;
    let left = shop.look_up(&order.item).await?;
    if order.count > left {
        return Err(Failed::SoldOut(left));
    }
    shop.write(&order).await?;
    shop.answer(format!("{} x {}", order.count, order.item)).await
}
// ANCHOR_END: async_fn

/// The same, written by hand.
pub mod by_hand {
    use super::*;

    // ANCHOR: states
    /// Where the handler waits, and what it needs when it goes on.
    enum State {
        Start,
        Reading { read: Step<Order> },
        LookingUp { order: Order, look_up: Step<u32> },
        Writing { order: Order, write: Step<()> },
        Answering { answer: Step<()> },
        Ended,
    }

    /// Takes one order; the future that `handle` returns.
    pub struct Handle<'a> {
        shop: &'a dyn Shop,
        state: State,
    }
    // ANCHOR_END: states

    // ANCHOR: make
    /// Makes the future; the order is not read before its first poll.
    pub fn handle(shop: &dyn Shop) -> Handle<'_> {
        Handle { shop, state: State::Start }
    }
    // ANCHOR_END: make

    // ANCHOR: poll
    impl Future for Handle<'_> {
        type Output = Result<(), Failed>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let shop = self.shop;
            loop {
                // Takes the state out. A step that has to wait puts it back.
                self.state = match mem::replace(&mut self.state, State::Ended) {
                    State::Start => State::Reading { read: shop.read() },
                    State::Reading { mut read } => match read.as_mut().poll(cx)? {
                        Poll::Ready(order) => {
                            let look_up = shop.look_up(&order.item);
                            State::LookingUp { order, look_up }
                        }
                        Poll::Pending => {
                            self.state = State::Reading { read };
                            return Poll::Pending;
                        }
                    },
                    State::LookingUp { order, mut look_up } => {
                        match look_up.as_mut().poll(cx)? {
                            Poll::Ready(left) if order.count > left => {
                                return Poll::Ready(Err(Failed::SoldOut(left)));
                            }
                            Poll::Ready(_) => {
                                let write = shop.write(&order);
                                State::Writing { order, write }
                            }
                            Poll::Pending => {
                                self.state = State::LookingUp { order, look_up };
                                return Poll::Pending;
                            }
                        }
                    }
                    // ANCHOR_END: poll
                    // ANCHOR: poll_rest
                    State::Writing { order, mut write } => {
                        match write.as_mut().poll(cx)? {
                            Poll::Ready(()) => {
                                let text = format!("{} x {}", order.count, order.item);
                                State::Answering { answer: shop.answer(text) }
                            }
                            Poll::Pending => {
                                self.state = State::Writing { order, write };
                                return Poll::Pending;
                            }
                        }
                    }
                    State::Answering { mut answer } => match answer.as_mut().poll(cx) {
                        Poll::Ready(end) => return Poll::Ready(end),
                        Poll::Pending => {
                            self.state = State::Answering { answer };
                            return Poll::Pending;
                        }
                    },
                    State::Ended => panic!("`Handle` polled after completion"),
                };
            }
        }
    }
    // ANCHOR_END: poll_rest
}

// ANCHOR: to_the_end
/// Takes one order. What it has begun to write, it writes and confirms, even if this
/// future is dropped.
///
/// # Errors
/// There are not enough, a step has failed, or it has panicked.
///
/// # Panics
/// Outside a Tokio runtime, when it begins to write.
///
/// # Cancel safety
/// Dropped before `write`, nothing was written. Dropped later, a task goes on: it
/// writes the order and answers. Its result is lost.
pub async fn handle_to_the_end(shop: Arc<dyn Shop>) -> Result<(), HandlerError> {
    let order = shop.read().await?;
    let left = shop.look_up(&order.item).await?;
    if order.count > left {
        return Err(Failed::SoldOut(left).into());
    }
    // From here on, nobody may stop halfway.
    let finish = async move {
        shop.write(&order).await?;
        shop.answer(format!("{} x {}", order.count, order.item)).await
    };
    Ok(tokio::spawn(finish).await??)
}
// ANCHOR_END: to_the_end

// ANCHOR: handler_error
/// Why an order was not taken, or not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// A step said no.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// The task that writes and answers has panicked, or its runtime has ended.
    #[error("the order was not finished")]
    Unfinished(#[from] JoinError),
}
// ANCHOR_END: handler_error

#[cfg(test)]
mod tests;
