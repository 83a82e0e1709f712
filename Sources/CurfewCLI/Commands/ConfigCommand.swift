internal import ArgumentParser
internal import Curfew
internal import Logging
internal import Policies
internal import RedisClient

/// `curfew config …`: commands for the configuration file.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Inspects the configuration, and begins one.",
        subcommands: [
            ConfigCheckCommand.self, ConfigShowCommand.self, ConfigInitCommand.self, ConfigSchemaCommand.self,
        ])
}

/// `curfew config check`: reads the file as every command does and prints what it means.
struct ConfigCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks the configuration file, by default without connecting to anything.")

    @Flag(help: "Also look at a part of the keys in Redis: whether there are such records, and of which format.")
    var live = false

    @OptionGroup var options: GlobalOptions

    /// The answer with `--json`.
    private struct Answer: Encodable {
        struct CleanupAnswer: Encodable {
            var name: String, policy: String, meaning: String, schedule: String, records: String
            var index: String?
            var enabled: Bool, dryRun: Bool
            /// Which keys are written in one step in a cluster, and which are not; nil outside a cluster.
            var cluster: SlotPlan?
        }
        struct WebhookAnswer: Encodable {
            var name: String, host: String, format: String, on: [String], signed: Bool
        }
        struct MailAnswer: Encodable {
            var server: String, on: [String]
        }
        struct Problem: Encodable {
            var file: String, line: Int?, key: String, message: String

            init(_ problem: ConfigurationError.Problem) {
                (file, line, key, message) = (problem.file, problem.line, problem.path, problem.message)
            }
        }

        var valid: Bool
        var file: String
        var fingerprint: String?
        var cleanups: [CleanupAnswer]?
        var alerts: [String]?
        var webhooks: [WebhookAnswer]?
        var mail: MailAnswer?
        var errors: [Problem]?
        /// Settings that are probably mistakes; nil if there are none.
        var warnings: [Problem]?
    }

    func run() async throws {
        var configuration: Configuration
        do {
            configuration = try options.configuration()
        } catch let error as ConfigurationError {
            guard options.json else { throw error }
            try Output.json(
                Answer(valid: false, file: options.wholePath, errors: error.problems.map(Answer.Problem.init)))
            throw ExitCode(Failure.Status.usage.rawValue)
        }
        if live { configuration.warnings += try await liveDoubts(configuration) }
        if options.json { try writeJSON(configuration) } else { write(configuration) }
    }

    /// What the keys in Redis say about the file.
    private func liveDoubts(_ configuration: Configuration) async throws -> [ConfigurationError.Problem] {
        try await RedisClient.withClient(configuration.redis, logger: options.logger(.error)) { redis in
            var check = LiveCheck(configuration, redis)
            return try await check.doubts(file: options.path.held)
        }
    }

    private func writeJSON(_ configuration: Configuration) throws {
        let cleanups = configuration.cleanups.map { cleanup in
            Answer.CleanupAnswer(
                name: cleanup.name, policy: cleanup.kind.rawValue, meaning: cleanup.policy.meaning,
                schedule: "\(cleanup.schedule)", records: cleanup.records.text, index: cleanup.index,
                enabled: cleanup.isEnabled, dryRun: cleanup.isDryRun,
                cluster: configuration.isCluster ? SlotPlan(cleanup, prefix: configuration.prefix) : nil)
        }
        let webhooks = configuration.webhooks.map { webhook in
            Answer.WebhookAnswer(
                name: webhook.name, host: webhook.address.host, format: webhook.format.name,
                on: webhook.subjects.map(\.rawValue), signed: webhook.secret != nil)
        }
        let mail = configuration.mail.map { mail in
            Answer.MailAnswer(server: "\(mail.server)", on: mail.subjects.map(\.rawValue))
        }
        try Output.json(
            Answer(
                valid: true, file: options.wholePath, fingerprint: configuration.fingerprint, cleanups: cleanups,
                alerts: configuration.alerts.map(\.name), webhooks: webhooks, mail: mail,
                warnings: configuration.warnings.isEmpty ? nil : configuration.warnings.map(Answer.Problem.init)))
    }

    private func write(_ configuration: Configuration) {
        Output.line(Style.green("OK") + "  \(options.wholePath.held.printable) (\(configuration.fingerprint))")
        for warning in configuration.warnings { Output.line(Style.yellow("warning: ") + "\(warning)".printable) }
        Output.line()
        var table = Table("CLEANUP", "RUNS", "RECORDS", "INDEX", "POLICY")
        for cleanup in configuration.cleanups {
            let notes = (cleanup.isEnabled ? "" : " (disabled)") + (cleanup.isDryRun ? " (dry run)" : "")
            table.add([
                (cleanup.name, .bold), ("\(cleanup.schedule)\(notes)", nil), (cleanup.records.text, nil),
                (cleanup.index ?? "kept by Curfew", nil), ("\(cleanup.kind.rawValue): \(cleanup.policy.meaning)", nil),
            ])
        }
        table.write(empty: "no cleanups")
        if configuration.isCluster { writeSlots(configuration) }
        if !configuration.alerts.isEmpty {
            Output.line()
            var alerts = Table("ALERT", "WATCHES", "FIRES WHEN", "SEVERITY")
            for alert in configuration.alerts {
                alerts.add(alert.name, alert.cleanup, alert.definitionText, alert.severity.rawValue)
            }
            alerts.write(empty: "")
        }
        writeReceivers(configuration)
    }

    private func writeReceivers(_ configuration: Configuration) {
        if !configuration.webhooks.isEmpty {
            Output.line()
            var webhooks = Table("WEBHOOK", "HOST", "FORMAT", "SUBJECTS", "SIGNED")
            for webhook in configuration.webhooks {
                let subjects = webhook.subjects.map(\.rawValue).joined(separator: ", ")
                let signed = webhook.secret == nil ? "no" : "yes"
                webhooks.add(webhook.name, webhook.address.host, webhook.format.name, subjects, signed)
            }
            webhooks.write(empty: "")
        }
        guard let mail = configuration.mail else { return }
        Output.line()
        var table = Table("MAIL", "SUBJECTS")
        table.add("\(mail.server)", mail.subjects.map(\.rawValue).joined(separator: ", "))
        table.write(empty: "")
    }

    /// How each change is split if its keys are in different slots.
    private func writeSlots(_ configuration: Configuration) {
        func text(_ keys: [String]) -> String { keys.isEmpty ? "-" : keys.joined(separator: ", ") }
        Output.line()
        var table = Table(
            "CLUSTER", "IN ONE STEP WITH THE RECORD", "AFTER IT, STEP BY STEP", "GUARDED BY READING ONLY")
        for cleanup in configuration.cleanups {
            let plan = SlotPlan(cleanup, prefix: configuration.prefix)
            table.add(cleanup.name, text(plan.atomic), text(plan.saga), text(plan.readOnly))
        }
        table.write(empty: "")
    }
}

extension Configuration {
    /// Whether Redis is a Cluster.
    fileprivate var isCluster: Bool { redis.topology == .cluster }
}
