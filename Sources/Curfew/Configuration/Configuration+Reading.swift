internal import Foundation
internal import Policies
internal import RedisClient

extension Configuration {
    /// Reads the file at a path.
    ///
    /// - Parameter isFound: whether the file was found and not named: then only this user or root may be able to write
    ///   it, because it decides where secrets of the environment are sent.
    /// - Parameter policies: the policies that a cleanup may name.
    /// - Throws: `ConfigurationError`: the error of `parse`, or why the file can't be read.
    package static func load(
        path: String, environment: [String: String], isFound: Bool = false, policies: KnownPolicies = .builtIn
    ) throws(ConfigurationError) -> Configuration {
        let problems = ProblemList(file: path)
        guard let data = contents(of: path, isFound: isFound, problems) else { throw problems.error }
        guard let text = String(bytes: data, encoding: .utf8) else {
            problems.add(line: nil, "cannot be read: it is not UTF-8")
            throw problems.error
        }
        return try parse(text, file: path, environment: environment, policies: policies)
    }

    /// The content of a file, up to one byte more than the limit: a pipe or device has no size.
    private static func contents(of path: String, isFound: Bool, _ problems: ProblemList) -> Data? {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { handle.closeFile() }
            if isFound, let doubt = FileOwner(of: path, handle.fileDescriptor)?.doubt {
                problems.add(
                    line: nil,
                    "was found in the working directory, and \(doubt); use --config \(path) to read it anyway")
                return nil
            }
            var data = Data()
            let limit = YAMLReader.byteLimit + 1
            while data.count < limit, let more = try handle.read(upToCount: limit - data.count), !more.isEmpty {
                data += more
            }
            return data
        } catch {
            problems.add(line: nil, "cannot be read: \(reason(error, path))")
            return nil
        }
    }

    private static func reason(_ error: any Error, _ path: String) -> String {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
            return "it is a directory"
        }
        return switch error {
        case CocoaError.fileReadNoSuchFile: "there is no such file"
        case CocoaError.fileReadNoPermission: "permission denied"
        default: error.localizedDescription
        }
    }

    /// Reads the text of a file; `file` is its name in messages.
    ///
    /// - Parameter environment: the values of `${NAME}`.
    /// - Parameter policies: the policies that a cleanup may name.
    /// - Throws: `ConfigurationError` with every problem.
    package static func parse(
        _ text: String, file: String, environment: [String: String], policies: KnownPolicies = .builtIn
    ) throws(ConfigurationError) -> Configuration {
        let problems = ProblemList(file: file)
        let reader = YAMLReader(problems: problems, environment: environment)
        guard let root = reader.read(text) else { throw problems.error }
        return try read(root, problems, policies: policies)
    }

    /// Reads a tree, which may have problems already.
    static func read(
        _ root: YAMLNode, _ problems: ProblemList, policies: KnownPolicies
    ) throws(ConfigurationError) -> Configuration {
        for problem in policies.problems { problems.add(line: nil, problem) }
        let file = problems.file
        var root = root
        guard var section = Section(root, path: "", line: root.line, problems) else { throw problems.error }
        section.policies = policies.types
        let presets = section.presets()
        if let whole = section.adding(presets), let all = Section(whole, path: "", line: root.line, problems) {
            (root, section) = (whole, all)
            section.policies = policies.types
        }
        guard var configuration = Configuration(section, fingerprint: Fingerprint.of(root)), problems.isEmpty else {
            throw problems.error
        }
        configuration.presets = presets.map { ($0.preset.name, $0.parameters) }
        var list = section.section("cleanups")
        list?.templates.keys = Keys(prefix: configuration.prefix)
        configuration.warnings =
            configuration.doubtsAboutHTTP(section.section("http"), file: file)
            + Doubts(list, cleanups: configuration.cleanups, file: file).found
        return configuration
    }

    private init?(_ section: Section, fingerprint: String) {
        section.expect([
            "redis", "redis-user", "redis-password", "prefix", "min-replicas", "worker", "http", "streams", "storage",
            "webhooks", "mail", "cleanups", "routes", "alerts", "log", "otel", "preset",
        ])
        let redis = Self.redis(section)
        let prefix = section.value("prefix", expected: "a word without braces or spaces", Self.prefix)
        let worker = section.section("worker").map(Worker.init) ?? Worker()
        var cleanupSection = section.section("cleanups", isRequired: true)
        if let prefix { cleanupSection?.templates.keys = Keys(prefix: prefix) }
        let cleanups = cleanupSection.map { list in list.entries.compactMap { Cleanup($0, in: list) } } ?? []
        let names = cleanupSection?.entries.map(\.key) ?? []
        let alertSection = section.section("alerts")
        let alerts =
            alertSection.map { list in list.entries.compactMap { AlertDefinition($0, in: list, cleanups: names) } }
            ?? []
        let storage = StorageConfiguration.all(section.section("storage"), cleanups: cleanupSection)
        let scope = NoticeScope(cleanupSection)
        let webhooks = section.section("webhooks").map { Webhook.all($0, scope) } ?? []
        let mail = section.section("mail").flatMap { Mail($0, scope) }
        let http = section.section("http").map { HTTPSettings($0) }
        let routes = section.section("routes").map { RouteNames($0, cleanups: names) } ?? RouteNames()
        let undo = cleanups.map(\.undo).max() ?? .zero
        let streams = section.section("streams").map { Streams($0) } ?? Streams()
        guard let redis else { return nil }
        self.init(
            redis: redis, prefix: prefix ?? "curfew", worker: worker, http: http, routes: routes, streams: streams,
            storage: storage, webhooks: webhooks, cleanups: cleanups, alerts: alerts, fingerprint: fingerprint)
        self.mail = mail
        log = section.section("log").map { LogSettings($0) } ?? log
        telemetry = section.section("otel").flatMap { TelemetrySettings($0) }
        minReplicas = section.integer("min-replicas", in: 0...100) ?? minReplicas
        self.streams.events = max(streams.events, undo)
    }

    private static func redis(_ section: Section) -> RedisConfiguration? {
        let expected = "a URL like redis://127.0.0.1:6379/0"
        guard let scalar = section.scalar("redis", isRequired: true, expected: expected) else { return nil }
        do {
            var redis = try RedisConfiguration(url: scalar.text.readable)
            let user = section.text("redis-user")
            // Users without a password sign in with an empty one.
            let isEmpty = user != nil && section.isEmptyText("redis-password")
            let password = isEmpty ? "" : section.text("redis-password")
            guard user != nil || password != nil else { return redis }
            if redis.credentials != nil {
                section.problem(
                    password == nil ? "redis-user" : "redis-password",
                    "the redis URL also has a user or a password: expected them in one place only")
            }
            guard let password else {
                section.problem("redis-user", "expected redis-password as well (empty for a user without one)")
                return nil
            }
            redis.credentials = RedisConfiguration.Credentials(user: user?.readable, password: password.readable)
            return redis
        } catch {
            section.problem("redis", error.message)
            return nil
        }
    }

    private static func prefix(_ text: String) -> String? {
        let scalars = text.readable.unicodeScalars
        let isFit = scalars.allSatisfy { $0 != "{" && $0 != "}" && !$0.properties.isWhitespace }
        return isFit && (1...64).contains(scalars.count) ? text : nil
    }
}

extension Configuration.Worker {
    init(_ section: Section) {
        self.init()
        section.expect(["lease", "heartbeat", "concurrency"])
        lease = section.duration("lease", atLeast: .milliseconds(300)) ?? lease
        heartbeat = section.duration("heartbeat", atLeast: .milliseconds(100)) ?? heartbeat
        concurrency = section.integer("concurrency", in: 1...64) ?? concurrency
    }
}

extension Configuration.Streams {
    init(_ section: Section) {
        self.init()
        section.expect(["runs", "metrics", "alerts", "events", "length"])
        runs = section.duration("runs") ?? runs
        metrics = section.duration("metrics") ?? metrics
        alerts = section.duration("alerts") ?? alerts
        events = section.duration("events") ?? events
        length = section.integer("length", in: 1...100_000_000) ?? length
    }
}
