internal import RedisClient

/// What a receiver of notices is sent, and how often a delivery is attempted.
package struct NoticeTerms: Sendable {
    /// The subjects, each once.
    package var subjects: [Webhook.Subject]
    /// The least severity of alerts; other subjects have none.
    package var leastSeverity = AlertDefinition.Severity.info
    /// The cleanups whose notices are sent; nil for all.
    package var cleanups: Set<String>?
    /// How long one attempt may take.
    package var timeout: Duration
    /// How many attempts are made before a delivery fails.
    package var tries: Int
    /// Times that can't be configured.
    var timing = NoticeTiming()

    /// Creates terms from their parts.
    init(subjects: [Webhook.Subject], timeout: Duration = .seconds(10), tries: Int = 15) {
        self.subjects = subjects
        self.timeout = timeout
        self.tries = tries
    }
}

/// The times of deliveries that can't be configured; tests change them.
struct NoticeTiming: Sendable, Equatable {
    /// The delays after failures: each four times the previous one, shortened at random by up to a half.
    var backoff = Backoff(first: .seconds(1), factor: 4, most: .seconds(3_600), spread: 0.5...1)
    /// How much longer than its timeout an attempt counts as running; after that, its instance is considered dead.
    var margin = Duration.seconds(30)
    /// How long an entry that was read may wait for the queue before another instance takes it over.
    var takeOver = Duration.seconds(60)
    /// How long running attempts may continue at shutdown.
    var grace = Duration.seconds(5)
}

/// A receiver of notices of either kind.
///
/// All kinds share the queue, the retries and the list of dead letters.
@dynamicMemberLookup
package enum NoticeReceiver: Sendable {
    /// Over HTTP.
    case webhook(Webhook)
    /// By mail.
    case mail(Mail)

    /// What is sent, and how often it is attempted.
    var terms: NoticeTerms {
        switch self {
        case .webhook(let webhook): webhook.terms
        case .mail(let mail): mail.terms
        }
    }

    /// Its name for people: `webhook ops`, `mail`.
    package var label: String {
        switch self {
        case .webhook(let webhook): "webhook \(webhook.name)"
        case .mail: "mail"
        }
    }

    /// Its kind in a word.
    var kind: String {
        switch self {
        case .webhook: "webhook"
        case .mail: "mail"
        }
    }

    /// Its name in messages.
    var name: String {
        switch self {
        case .webhook(let webhook): webhook.name
        case .mail: "mail"
        }
    }

    /// The host that is called.
    package var host: String {
        switch self {
        case .webhook(let webhook): webhook.address.host
        case .mail(let mail): "\(mail.server)"
        }
    }

    /// A part of the terms.
    package subscript<Value>(dynamicMember path: KeyPath<NoticeTerms, Value>) -> Value { terms[keyPath: path] }
}

extension Configuration {
    /// Every receiver of notices.
    package var receivers: [NoticeReceiver] { webhooks.map(NoticeReceiver.webhook) + (mail.map { [.mail($0)] } ?? []) }
}
