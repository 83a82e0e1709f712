/// The messages of one channel, as they come.
///
/// Redis keeps no messages: those published while the connection is being made again are lost, and so are the oldest
/// when more than ``capacity`` have not been read. A message is a hint to look, never the fact itself. The sequence
/// ends when the client is shut down, and throws when the server refuses.
package struct RedisSubscription: AsyncSequence, Sendable {
    /// The text of a message.
    package typealias Element = String
    /// A ``RedisError``.
    package typealias Failure = any Error

    /// How many messages wait to be read, at most.
    package static let capacity = 1024

    enum Event: Sendable {
        /// The server has confirmed; whatever is published from now on arrives.
        case subscribed
        case message(String)
    }

    let events: AsyncThrowingStream<Event, any Error>

    /// Reads messages one by one.
    package struct AsyncIterator: AsyncIteratorProtocol {
        var events: AsyncThrowingStream<Event, any Error>.Iterator

        /// The next message; nil after a shutdown.
        ///
        /// - Throws: ``RedisError`` when the server refuses the subscription, or lets us no longer in.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> String? {
            while let event = try await events.next(isolation: actor) {
                if case .message(let text) = event { return text }
            }
            return nil
        }
    }

    /// An iterator; only one reads at a time.
    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(events: events.makeAsyncIterator())
    }
}
