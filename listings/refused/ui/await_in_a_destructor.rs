//! A destructor is an ordinary function: there is no await in it.

struct Connection;

impl Connection {
    async fn say_goodbye(&mut self) {}
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.say_goodbye().await;
    }
}

fn main() {
    drop(Connection);
}
