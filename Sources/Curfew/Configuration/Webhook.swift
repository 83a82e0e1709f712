internal import RedisClient

/// Somebody who is told what happens: what the file says under `webhooks.<name>`.
package struct Webhook: Sendable {
    /// What somebody can be told of, by its name in the file and in what is sent.
    package enum Subject: String, Sendable, CaseIterable {
        /// An alert fires, or is over.
        case alert
        /// A cleanup has warned a record's owner.
        case warning
        /// A run came to a bad end.
        case runFailed = "run-failed"
    }

    /// The name in the file, in keys, in what is sent.
    package var name: String
    /// Where it is sent.
    package var address: WebAddress
    /// What signs it; nil where nothing does.
    package var secret: Secret?
    /// Of what it is told, each once.
    package var subjects: [Subject]
    /// How long one attempt may take.
    package var timeout: Duration
    /// How many attempts there are before a delivery is given up.
    package var tries: Int
    /// The times that no file sets.
    var timing = WebhookTiming()

    /// A webhook from its parts; what is left out has the default of the file.
    package init(
        name: String, address: WebAddress, secret: Secret? = nil, subjects: [Subject],
        timeout: Duration = .seconds(10), tries: Int = 15
    ) {
        self.name = name
        self.address = address
        self.secret = secret
        self.subjects = subjects
        self.timeout = timeout
        self.tries = tries
    }
}

/// The times of deliveries that no file sets; tests do.
struct WebhookTiming: Sendable, Equatable {
    /// The waits after failures: four times as long after each, and then shortened by up to a half.
    var backoff = Backoff(first: .seconds(1), factor: 4, most: .seconds(3_600), spread: 0.5...1)
    /// For how much longer than its timeout an attempt counts as under way: whoever made it is dead after that.
    var margin = Duration.seconds(30)
    /// How long an entry that was read waits to be put on the queue, before another instance does it.
    var takeOver = Duration.seconds(60)
    /// How long attempts under way may go on at shutdown.
    var grace = Duration.seconds(5)
}
