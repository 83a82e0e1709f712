internal import RedisClient

/// A receiver of notices: the section `webhooks.<name>`.
package struct Webhook: Sendable {
    /// The subjects of notices, by their names in the file and in deliveries.
    package enum Subject: String, Sendable, CaseIterable {
        /// An alert fires or resolves.
        case alert
        /// A cleanup has warned a record's owner.
        case warning
        /// A run ended badly.
        case runFailed = "run-failed"
    }

    /// The name in the file, in keys and in deliveries.
    package var name: String
    /// The address of the receiver.
    package var address: WebAddress
    /// The signing secret; nil for unsigned deliveries.
    package var secret: Secret?
    /// The subjects, each once.
    package var subjects: [Subject]
    /// How long one attempt may take.
    package var timeout: Duration
    /// How many attempts are made before a delivery fails.
    package var tries: Int
    /// Times that can't be configured.
    var timing = WebhookTiming()

    /// Creates a webhook from its parts; omitted ones have the defaults of the file.
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

/// The times of deliveries that can't be configured; tests change them.
struct WebhookTiming: Sendable, Equatable {
    /// The delays after failures: each four times the previous one, shortened at random by up to a half.
    var backoff = Backoff(first: .seconds(1), factor: 4, most: .seconds(3_600), spread: 0.5...1)
    /// How much longer than its timeout an attempt counts as running; after that, its instance is considered dead.
    var margin = Duration.seconds(30)
    /// How long an entry that was read may wait for the queue before another instance takes it over.
    var takeOver = Duration.seconds(60)
    /// How long running attempts may continue at shutdown.
    var grace = Duration.seconds(5)
}
