internal import Foundation

/// What Curfew cleans up, and where: the content of `curfew.yaml`, from a file, from a text, or in code.
///
/// Nothing is read and nothing is checked before it is used: by ``validate()``, by a client or by a worker. A
/// configuration in code goes through the same checks as a file, and means the same: a worker with the one and a worker
/// with the other can be replicas of each other.
///
/// ```swift
/// let configuration = CurfewConfiguration(
///     redis: "redis://127.0.0.1:6379/0",
///     cleanups: [
///         .init(
///             "stuck-jobs", records: "job:<id>", every: .seconds(900),
///             policy: .stuck(
///                 .init(
///                     states: ["PROCESSING"], since: ["startedAt"], timeout: .after(.seconds(300)),
///                     to: "FAILED")))
///     ])
/// ```
public struct CurfewConfiguration: Sendable {
    /// Where the content comes from.
    enum Source: Sendable {
        case file(path: String)
        case text(String, name: String)
        case code(Content)
    }

    let source: Source
    /// The values of `${NAME}` in a file or text; nil for the environment of the process.
    ///
    /// A configuration in code has no variables: its texts mean what they are.
    public var environment: [String: String]?
    /// The policies of the program's own that cleanups may name, beside those that are built in.
    ///
    /// One whose name is empty, odd, built in or another one's is a problem of the configuration.
    public var policies: [any Policy.Type] = []

    private init(_ source: Source, environment: [String: String]? = nil) {
        self.source = source
        self.environment = environment
    }

    /// The file at a path, which is read each time the configuration is used.
    ///
    /// - Parameters:
    ///   - path: the path, relative to the working directory.
    ///   - environment: the values of `${NAME}`; nil for the environment of the process.
    public static func file(_ path: String, environment: [String: String]? = nil) -> CurfewConfiguration {
        CurfewConfiguration(.file(path: path), environment: environment)
    }

    /// A text in YAML, as it would stand in a file.
    ///
    /// - Parameters:
    ///   - text: the text, of up to 1 MiB.
    ///   - name: what messages call it.
    ///   - environment: the values of `${NAME}`; nil for the environment of the process.
    public static func yaml(
        _ text: String, name: String = "configuration", environment: [String: String]? = nil
    ) -> CurfewConfiguration {
        CurfewConfiguration(.text(text, name: name), environment: environment)
    }

    /// A configuration in code.
    public init(_ content: Content) {
        self.init(.code(content))
    }

    /// A configuration in code, with the parts that most programs have.
    ///
    /// - Parameters:
    ///   - redis: the URL of the Redis that holds the records and Curfew's own keys; `rediss`, `redis+unix`,
    ///     `redis+sentinel` and `redis+cluster` are understood as well.
    ///   - cleanups: the cleanups.
    ///   - alerts: the alerts.
    ///   - webhooks: the receivers of notices, at most 16.
    public init(redis: String, cleanups: [Cleanup], alerts: [Alert] = [], webhooks: [Webhook] = []) {
        var content = Content(redis: redis, cleanups: cleanups)
        (content.alerts, content.webhooks) = (alerts, webhooks)
        self.init(content)
    }

    /// Every problem that would keep a client or a worker from using it; empty if there is none.
    ///
    /// Nothing is connected to.
    public func validate() -> [CurfewError.Problem] {
        do {
            _ = try resolved()
            return []
        } catch {
            return error.problems
        }
    }

    /// Settings that are probably mistakes, as `curfew config check` warns of them.
    ///
    /// - Throws: ``CurfewError/Code/configuration`` with every problem, if there are some.
    public func warnings() throws(CurfewError) -> [CurfewError.Problem] {
        try resolved().warnings
    }

    /// The engine's configuration.
    func resolved() throws(CurfewError) -> Configuration {
        let environment = environment ?? ProcessInfo.processInfo.environment
        let known = KnownPolicies(own: policies)
        do {
            return switch source {
            case .file(let path):
                try Configuration.load(path: path, environment: environment, policies: known)
            case .text(let text, let name):
                try Configuration.parse(text, file: name, environment: environment, policies: known)
            case .code(let content): try content.read(known)
            }
        } catch {
            throw CurfewError(error).forProgram
        }
    }
}

extension CurfewError {
    /// The error of a configuration, with all its problems.
    init(_ error: ConfigurationError) {
        self.init(.configuration, error.description)
        problems = error.problems
    }
}
