extension CurfewConfiguration {
    /// An alert: a metric of a cleanup, and its threshold.
    public struct Alert: Sendable {
        /// The threshold.
        public struct Threshold: Sendable {
            fileprivate let key: String
            fileprivate let value: Setting

            /// Fires if the value is greater.
            public static func above(_ value: Double) -> Threshold { .init(key: "above", value: number(value)) }
            /// Fires if the time is longer.
            public static func above(_ time: Duration) -> Threshold { .init(key: "above", value: .duration(time)) }
            /// Fires if the value is smaller.
            public static func below(_ value: Double) -> Threshold { .init(key: "below", value: number(value)) }
            /// Fires if the time is shorter.
            public static func below(_ time: Duration) -> Threshold { .init(key: "below", value: .duration(time)) }

            private static func number(_ value: Double) -> Setting {
                Int(exactly: value).map { Setting(integerLiteral: $0) } ?? Setting(floatLiteral: value)
            }
        }

        /// The window over which values are added up.
        public struct Window: Sendable {
            fileprivate let value: Setting
            /// The last runs, 1–1,000.
            public static func runs(_ count: Int) -> Window { Window(value: .text("\(count) runs")) }
            /// The runs within a time.
            public static func time(_ time: Duration) -> Window { Window(value: .duration(time)) }
        }

        /// The name.
        public var name: String
        /// The cleanup; `*` for each cleanup separately.
        public var cleanup: String
        /// The metric, such as `found`, `failed`, `refunded`, `runs_failed` or `overdue`.
        public var metric: String
        /// The threshold.
        public var threshold: Threshold
        /// The window; nil for the last run.
        public var over: Window?
        /// With the metric `changed`: counts the changes by this action only.
        public var action: String?
        /// How severe it is; nil for a warning.
        public var severity: Severity?

        /// An alert on a cleanup, or on each of them.
        public init(
            _ name: String, on cleanup: String = "*", _ metric: String, _ threshold: Threshold,
            over: Window? = nil, severity: Severity? = nil
        ) {
            (self.name, self.cleanup, self.metric, self.threshold) = (name, cleanup, metric, threshold)
            (self.over, self.severity) = (over, severity)
        }

        var setting: Setting {
            var keys = SettingKeys()
            keys.add("cleanup", cleanup)
            keys.add("metric", metric)
            keys.add(threshold.key, threshold.value)
            keys.add("over", over?.value)
            keys.add("action", action)
            keys.add("severity", severity?.word)
            return keys.setting
        }
    }

    /// How severe an alert is.
    public struct Severity: Sendable, Hashable {
        let word: String
        /// To be known.
        public static let info = Severity(word: "info")
        /// To be looked at.
        public static let warning = Severity(word: "warning")
        /// To be looked at at once.
        public static let critical = Severity(word: "critical")
    }

    /// A receiver of notices over HTTP.
    public struct Webhook: Sendable {
        /// A subject of notices.
        public struct Subject: Sendable, Hashable {
            fileprivate let word: String
            /// An alert fires or resolves.
            public static let alert = Subject(word: "alert")
            /// A cleanup has warned a record's owner.
            public static let warning = Subject(word: "warning")
            /// A record was changed.
            public static let change = Subject(word: "change")
            /// A run ended badly.
            public static let runFailed = Subject(word: "run-failed")
            /// A run was lost: its instance is gone.
            public static let runLost = Subject(word: "run-lost")
        }

        /// The form of a message.
        public struct Format: Sendable, Hashable {
            fileprivate let word: String
            /// Curfew's own JSON.
            public static let curfew = Format(word: "curfew")
            /// A text for Slack.
            public static let slack = Format(word: "slack")
            /// A text for Discord.
            public static let discord = Format(word: "discord")
            /// An event of PagerDuty.
            public static let pagerDuty = Format(word: "pagerduty")
            /// Alerts for Alertmanager.
            public static let alertmanager = Format(word: "alertmanager")
        }

        /// The name.
        public var name: String
        /// The address; only its host is ever shown.
        public var url: String
        /// The signing key; nil for unsigned messages.
        public var secret: String?
        /// The form of a message; nil for Curfew's own.
        public var format: Format?
        /// What is sent.
        public var subjects: [Subject]
        /// The least severity of alerts; nil for all.
        public var minSeverity: Severity?
        /// Only what is about these cleanups; empty for all.
        public var cleanups: [String] = []
        /// How long one attempt may take, 100 ms to 5 min; nil for 10 s.
        public var timeout: Duration?
        /// How many attempts there are, 1–100; nil for 15.
        public var tries: Int?
        /// Further keys of the file, such as `template`.
        public var more: [String: Setting] = [:]

        /// A receiver of these subjects.
        public init(_ name: String, url: String, secret: String? = nil, on subjects: [Subject]) {
            (self.name, self.url, self.secret, self.subjects) = (name, url, secret, subjects)
        }

        var setting: Setting {
            var keys = SettingKeys()
            keys.add("url", url)
            keys.add("secret", secret)
            keys.add("format", format?.word)
            keys.add("on", .list(subjects.map(\.word)))
            keys.add("min-severity", minSeverity?.word)
            keys.add("cleanups", cleanups)
            keys.add("timeout", timeout)
            keys.add("tries", tries)
            keys.add(more)
            return keys.setting
        }
    }

    /// A bucket on an S3 server.
    public struct Storage: Sendable {
        /// The name that a rule for files gives it.
        public var name: String
        /// The server: scheme, host, port, and any path before the bucket.
        public var endpoint: String
        /// The bucket.
        public var bucket: String
        /// The id of the access key, and its secret.
        public var accessKey: String, secretKey: String
        /// The session token of a temporary key.
        public var sessionToken: String?
        /// The region for signatures; nil for the usual one of the endpoint.
        public var region: String?
        /// Further keys of the file, such as `style` and `timeout`.
        public var more: [String: Setting] = [:]

        /// A bucket with an access key.
        public init(_ name: String, endpoint: String, bucket: String, accessKey: String, secretKey: String) {
            (self.name, self.endpoint, self.bucket) = (name, endpoint, bucket)
            (self.accessKey, self.secretKey) = (accessKey, secretKey)
        }

        var setting: Setting {
            var keys = SettingKeys()
            keys.add("endpoint", endpoint)
            keys.add("bucket", bucket)
            keys.add("access-key", accessKey)
            keys.add("secret-key", secretKey)
            keys.add("session-token", sessionToken)
            keys.add("region", region)
            keys.add(more)
            return keys.setting
        }
    }
}
