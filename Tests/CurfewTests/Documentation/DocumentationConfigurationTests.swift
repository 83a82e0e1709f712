import Curfew
import Foundation
import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// Stands for the policy of the article “A policy of your own”, which a program beside the tests has.
private struct AbandonedCart: Curfew.Policy {
    static let name = "abandoned-cart"
    static let keys = ["idle", "reminders"]

    init?(reading section: PolicySection) throws {
        let idle = section.duration("idle", required: true)
        guard idle != nil, section.writtenTemplate("reminders", required: true) != nil else { return nil }
    }

    var reads: [PolicyRead] { [] }

    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict { .drop(because: "it stands in") }
}

@Suite("the documentation's configurations", .tags(.pure))
struct DocumentationConfigurationTests {
    private static let sections = [
        "redis", "redis-user", "redis-password", "prefix", "worker", "http", "streams", "storage", "webhooks",
        "mail", "cleanups", "routes", "alerts", "otel", "preset",
    ]

    /// A block as a whole file: cleanups alone get their section, and what a file can't be without is added.
    static func whole(_ block: DocumentationPage.Block) -> String {
        var lines = block.lines
        let first = lines.first { $0.firstMatch(of: /^[a-z]/) != nil }?.prefix { $0 != ":" } ?? ""
        if !sections.contains(String(first)) { lines = ["cleanups:"] + lines.map { "  " + $0 } }
        if !lines.contains(where: { $0.hasPrefix("redis:") }) { lines.append("redis: redis://127.0.0.1:6379/0") }
        if !lines.contains(where: { $0.hasPrefix("cleanups:") || $0.hasPrefix("preset:") }) {
            lines.append("cleanups: {stuck-jobs: {policy: locks, every: 1h, records: lock:<id>, timeout: 1h}}")
        }
        return lines.joined(separator: "\n")
    }

    /// The secrets that configurations take from the environment.
    private static let environment = [
        "CURFEW_ADMIN_TOKEN": "7f3b9c0d2e4a6815", "ADA_TOKEN": "1c9e4b7d5a2f8036", "CRON_SECRET": "5d2a8f0361c9e4b7",
        "PROMETHEUS_TOKEN": "e4b75d2a8f0361c9", "HOOK_SECRET": "s", "APP_SECRET": "s", "PAGERDUTY_KEY": "k",
        "MAIL_PASSWORD": "p",
    ]

    @Test("every configuration in the documentation is one", arguments: try DocumentationPage.all())
    func configurations(_ page: DocumentationPage) throws {
        for block in page.blocks where block.language == "yaml" {
            let place = "\(page.path):\(block.line)"
            _ = try Configuration.parse(
                Self.whole(block), file: place, environment: Self.environment,
                policies: KnownPolicies(own: [AbandonedCart.self]))
        }
    }

    @Test("the pages that explain configuration show some")
    func isShown() throws {
        let pages = try DocumentationPage.all().filter { page in page.blocks.contains { $0.language == "yaml" } }
        #expect(pages.count >= 4)
    }

    /// What the reader of the file knows, by its own account: its answer to a key that nobody has.
    static func known() throws -> [String: Set<String>] {
        let text = """
            zzzz: 0
            redis: redis://127.0.0.1
            worker: {zzzz: 0}
            http: {zzzz: 0, tls: {zzzz: 0}}
            streams: {zzzz: 0}
            storage: {uploads: {zzzz: 0}}
            webhooks: {ops: {zzzz: 0}}
            mail: {zzzz: 0}
            log: {zzzz: 0}
            otel: {zzzz: 0}
            cleanups:
              stuck: {policy: stuck, zzzz: 0, retry: {zzzz: 0, queue: {zzzz: 0}}, refund: {zzzz: 0, record: {zzzz: 0}}, writes: {zzzz: 0}, index: {zzzz: 0}, only: {zzzz: 0}}
              counters: {policy: counters, zzzz: 0, counters: {zzzz: 0}, members: {zzzz: 0}}
              locks: {policy: locks, zzzz: 0, guard: {zzzz: 0}, release: {zzzz: 0}}
              paused: {policy: paused, zzzz: 0, writes: {zzzz: 0}}
              dependent: {policy: dependent, zzzz: 0}
              retention: {policy: retention, zzzz: 0}
              files: {policy: files, zzzz: 0, orphan: {zzzz: 0}, deleted: {zzzz: 0}}
            alerts: {alert: {metric: zzzz, zzzz: 0}}
            """
        var known: [String: Set<String>] = [:]
        do {
            _ = try Configuration.parse(text, file: "", environment: [:])
        } catch {
            for problem in error.problems {
                guard let list = problem.message.firstMatch(of: /expected one of ([a-z_\-, ]+)\)/) else { continue }
                known[problem.path] = Set(list.output.1.components(separatedBy: ", "))
            }
        }
        return known
    }

    private static func documented(_ heading: String, _ column: String = "Key") throws -> Set<String> {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/ConfigurationReference.md")
        return Set(page.rows.filter { $0.heading == heading && $0.column == column }.flatMap(\.names))
    }

    @Test(
        "the reference has every key of a section and no other",
        arguments: [
            ("The file", "zzzz"), ("worker", "worker.zzzz"), ("http", "http.zzzz"), ("tls", "http.tls.zzzz"),
            ("streams", "streams.zzzz"),
            ("storage", "storage.uploads.zzzz"), ("webhooks", "webhooks.ops.zzzz"), ("mail", "mail.zzzz"),
            ("retry", "cleanups.stuck.retry.zzzz"), ("queue", "cleanups.stuck.retry.queue.zzzz"),
            ("writes", "cleanups.stuck.writes.zzzz"), ("index", "cleanups.stuck.index.zzzz"),
            ("only, except", "cleanups.stuck.only.zzzz"),
            ("refund", "cleanups.stuck.refund.zzzz"),
            ("put", "cleanups.stuck.refund.record.zzzz"), ("Effects", "cleanups.locks.release.zzzz"),
            ("writes of paused", "cleanups.paused.writes.zzzz"), ("log", "log.zzzz"), ("otel", "otel.zzzz"),
            ("counters", "cleanups.counters.counters.zzzz"), ("members", "cleanups.counters.members.zzzz"),
            ("orphan", "cleanups.files.orphan.zzzz"), ("deleted", "cleanups.files.deleted.zzzz"),
            ("guard", "cleanups.locks.guard.zzzz"), ("alerts", "alerts.alert.zzzz"),
        ])
    func sections(_ heading: String, _ path: String) throws {
        #expect(try Self.documented(heading) == Self.known()[path])
    }

    @Test("the reference has every key of each policy and no other", arguments: PolicyKind.builtIn)
    func policies(_ kind: PolicyKind) throws {
        let policy = kind.rawValue
        let common = try Self.documented("Every cleanup")
        let own = try Self.documented("policy: \(policy)")
        #expect(common.isDisjoint(with: own))
        #expect(try common.union(own) == Self.known()["cleanups.\(policy).zzzz"])
    }

    @Test("the reference has the names that stand for cleanups where the file says nothing of them, and no other")
    func routes() throws {
        let configuration = try Configuration.parse(
            "redis: redis://h\ncleanups: {a: {policy: locks, every: 1h, records: \"l:<id>\", timeout: 1h}}", file: "",
            environment: [:])
        let names = try Self.documented("routes", "Name")
        #expect(names == [RouteNames.jobs, RouteNames.all])
        #expect(names.allSatisfy { configuration.cleanups(behind: $0) != nil })
        #expect(configuration.cleanups(behind: "nightly") == nil)
    }

    @Test("the reference has every metric of alerts and no other")
    func metrics() throws {
        #expect(try Self.documented("alerts", "Metric") == Self.known()["alerts.alert.metric"])
    }

    /// The defaults as the code has them, by heading and key.
    private static func defaults() throws -> [String: String] {
        let text = """
            redis: redis://127.0.0.1
            storage: {uploads: {endpoint: "http://s3.test", bucket: b, access-key: a, secret-key: s}}
            webhooks: {ops: {url: "https://a", on: alert}}
            mail: {smtp: "smtps://a", from: a@b, to: c@d, on: alert}
            otel: {endpoint: "http://a"}
            cleanups:
              stuck: {policy: stuck, every: 1h, records: "a:<id>", states: A, since: b, timeout: 1m, to: C, retry: {limit: 1, to: D}}
              counters: {policy: counters, every: 1h, records: "a:<id>", states: A, since: b, timeout: 1m, total: t,
                counters: {queued: q, processing: p, completed: c, failed: f}, members: {set: "s:<id>", record: "m:<id>"}}
            """
        let file = try Configuration.parse(text, file: "", environment: [:])
        let mail = try #require(file.mail)
        let otel = try #require(file.telemetry)
        let cleanup = try #require(file.cleanup(named: "stuck"))
        let stuck = try #require(cleanup.policy as? StuckPolicy)
        let counters = try #require(file.cleanup(named: "counters")?.policy as? CountersPolicy)
        let members = try #require(counters.members)
        let paused = PausedPolicy(states: [], since: [])
        let orphan = FilesPolicy.Orphan(unless: "")
        let deleted = FilesPolicy.Deleted(since: "")
        let parent = try KeyTemplate("<id>")
        let dependent = DependentPolicy(states: [], since: [], parent: parent, parentStates: [], to: "")
        return [
            "The file prefix": file.prefix, "The file min-replicas": "\(file.minReplicas)",
            "worker lease": file.worker.lease.text, "worker heartbeat": file.worker.heartbeat.text,
            "worker concurrency": "\(file.worker.concurrency)",
            "http listen": "\(HTTPSettings().host):\(HTTPSettings().port)",
            "http metrics-open": "\(HTTPSettings().isMetricsOpen)", "http open": "\(HTTPSettings().isOpen)",
            "streams runs": file.streams.runs.text, "streams metrics": file.streams.metrics.text,
            "streams alerts": file.streams.alerts.text, "streams events": file.streams.events.text,
            "streams length": "\(file.streams.length)",
            "storage region": file.storage[0].region, "storage style": file.storage[0].style.rawValue,
            "storage timeout": file.storage[0].timeout.text,
            "webhooks timeout": file.webhooks[0].timeout.text, "webhooks tries": "\(file.webhooks[0].tries)",
            "webhooks format": file.webhooks[0].format.name,
            "webhooks min-severity": file.webhooks[0].leastSeverity.rawValue, "mail timeout": mail.timeout.text,
            "mail tries": "\(mail.tries)", "mail min-severity": mail.leastSeverity.rawValue,
            "Every cleanup timezone": "UTC", "Every cleanup format": "hash",
            "Every cleanup scan": cleanup.scan?.text ?? "", "Every cleanup status": cleanup.statusField,
            "Every cleanup enabled": "\(cleanup.isEnabled)", "Every cleanup dry-run": "\(cleanup.isDryRun)",
            "Every cleanup run-timeout": cleanup.runTimeout.text, "Every cleanup undo": cleanup.undo.text,
            "Every cleanup trash": cleanup.keepsTrash ? "on" : "off",
            "guard share": "\(Int(GuardLimits().share))%", "guard beyond": "\(GuardLimits().beyond)",
            "Every cleanup missing": cleanup.missing.rawValue, "index unit": cleanup.indexUnit.rawValue,
            "queue at": "tail", "put at": "tail", "put field": "<key>@<start>",
            "Every cleanup member": "<id>", "Every cleanup id": "<id>",
            "writes of paused stale": paused.marks.stale, "writes of paused warned": paused.marks.warned,
            "Every cleanup touch": PausedPolicy.touchedByDefault[0], "writes error": stuck.writtenNames.error ?? "",
            "writes finished": stuck.writtenNames.finished ?? "",
            "writes recoveries": stuck.writtenNames.recoveries ?? "none",
            "policy: stuck completed-to": stuck.completedTo,
            "retry window": stuck.retry?.window.text ?? "", "retry attempts": stuck.retry?.attempts ?? "",
            "policy: counters completed-to": counters.completedTo, "policy: counters failed-to": counters.failedTo,
            "policy: counters stalled": counters.stalledFails ? "fail" : "leave",
            "policy: locks expiring": LocksPolicy(timeout: .zero).leavesExpiring ? "leave" : "judge",
            "members format": members.isJSON ? "json" : "hash", "members status": members.status,
            "members queued": members.queued[0],
            "members processing": members.processing[0], "members completed": members.completed[0],
            "members failed": members.failed[0], "alerts severity": "warning",
            "policy: paused stale": paused.stale.text, "policy: paused warn": paused.warn.text,
            "policy: paused timeout": paused.timeout.text, "policy: paused to": paused.to,
            "policy: dependent grace": dependent.grace.text, "orphan after": orphan.after.text,
            "deleted after": deleted.after.text, "log format": file.log.format.rawValue,
            "otel service": otel.service, "otel every": otel.every.text, "otel timeout": otel.timeout.text,
        ]
    }

    @Test("every default in the reference is the real one")
    func defaultValues() throws {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/ConfigurationReference.md")
        var documented: [String: String] = [:]
        for row in page.rows where row.column == "Key" {
            guard let value = row.cells[2].firstMatch(of: /^`([^`]+)`/) else { continue }
            for name in row.names { documented["\(row.heading) \(name)"] = String(value.output.1) }
        }
        #expect(try documented == Self.defaults())
    }
}
