/// The messages of one channel, as they arrive.
///
/// Redis doesn't store messages: those published during a reconnect are lost, and so are the oldest ones if more than
/// ``capacity`` are unread. A message is a hint, never the fact itself. The sequence ends when the client is shut down,
/// and throws if the server refuses.
package struct RedisSubscription: AsyncSequence, Sendable {
    /// The text of a message.
    package typealias Element = String
    /// A ``RedisError``.
    package typealias Failure = any Error

    /// The most unread messages.
    package static let capacity = 1024

    enum Event: Sendable {
        /// The server has confirmed; everything published from now on arrives.
        case subscribed
        case message(String)
    }

    let events: AsyncThrowingStream<Event, any Error>

    /// Reads messages one at a time.
    package struct AsyncIterator: AsyncIteratorProtocol {
        var events: AsyncThrowingStream<Event, any Error>.Iterator

        /// The next message; nil after a shutdown.
        ///
        /// - Throws: ``RedisError`` if the server refuses the subscription or the credentials.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> String? {
            while let event = try await events.next(isolation: actor) {
                if case .message(let text) = event { return text }
            }
            return nil
        }
    }

    /// Creates an iterator; only one may read at a time.
    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(events: events.makeAsyncIterator())
    }
}
