internal import RedisClient

/// A receiver of notices over HTTP: the section `webhooks.<name>`.
@dynamicMemberLookup
package struct Webhook: Sendable {
    /// The subjects of notices, by their names in the file and in deliveries.
    ///
    /// The order matters: an entry that belongs to several subjects of a receiver is sent as the first of them.
    package enum Subject: String, Sendable, CaseIterable {
        /// An alert fires or resolves.
        case alert
        /// A cleanup has warned a record's owner.
        case warning
        /// A record was changed.
        case change
        /// A run was lost: its instance is gone.
        case runLost = "run-lost"
        /// A run ended badly.
        case runFailed = "run-failed"
    }

    /// The form of a message.
    package enum Format: Sendable, Hashable {
        /// Curfew's own JSON.
        case curfew
        /// A text for Slack, and for what understands its messages.
        case slack
        /// A text for Discord.
        case discord
        /// An event of PagerDuty's Events API v2.
        case pagerDuty
        /// Alerts for Alertmanager's API v2.
        case alertmanager
        /// The file's own text.
        case template(NoticeTemplate)
    }

    /// The name in the file, in keys and in deliveries.
    package var name: String
    /// The address of the receiver.
    package var address: WebAddress
    /// The signing secret; nil for unsigned deliveries.
    ///
    /// With `pagerduty` it is also the integration key.
    package var secret: Secret?
    /// The form of a message.
    package var format = Format.curfew
    /// What is sent, and how often it is attempted.
    package var terms: NoticeTerms

    /// Creates a webhook from its parts; omitted ones have the defaults of the file.
    package init(
        name: String, address: WebAddress, secret: Secret? = nil, subjects: [Subject],
        timeout: Duration = .seconds(10), tries: Int = 15
    ) {
        self.init(
            name: name, address: address, secret: secret,
            terms: NoticeTerms(subjects: subjects, timeout: timeout, tries: tries))
    }

    /// Creates a webhook with these terms.
    init(name: String, address: WebAddress, secret: Secret?, terms: NoticeTerms) {
        self.name = name
        self.address = address
        self.secret = secret
        self.terms = terms
    }

    /// A part of the terms.
    package subscript<Value>(dynamicMember path: WritableKeyPath<NoticeTerms, Value>) -> Value {
        get { terms[keyPath: path] }
        set { terms[keyPath: path] = newValue }
    }
}

extension Webhook.Format {
    /// The names of all formats, as in the file.
    static let names = ["curfew", "slack", "discord", "pagerduty", "alertmanager", "template"]

    /// The name in the file.
    package var name: String {
        switch self {
        case .curfew: "curfew"
        case .slack: "slack"
        case .discord: "discord"
        case .pagerDuty: "pagerduty"
        case .alertmanager: "alertmanager"
        case .template: "template"
        }
    }
}
