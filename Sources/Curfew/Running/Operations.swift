internal import Foundation
internal import Policies
internal import RedisClient

/// What people do to cleanups: it takes effect on all instances, because it is written where all of them look.
package struct Operations: Sendable {
    let engine: Engine

    /// Makes the operations on this engine.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// Keeps a cleanup from being run, on every instance, until it is resumed.
    ///
    /// A run under way goes on.
    package func pause(_ cleanup: String, by person: String, why: String) async throws(CurfewError) {
        let now = try await engine.serverClock().now
        let pause = CleanupPause(by: person, at: now.iso8601, why: why)
        let text = JSONText.object([
            FieldWrite(field: "by", value: pause.by), FieldWrite(field: "at", value: pause.at),
            FieldWrite(field: "why", value: pause.why),
        ])
        _ = try await engine.redis.reply(to: RedisCommand("HSET", [engine.keys.paused, cleanup, text]))
        await record(OperatorAction("pause", by: person, cleanup: cleanup, detail: why), at: now)
    }

    /// Asks the run under way to stop after its page.
    ///
    /// Gives back its id, or nil where none is under way.
    package func cancel(_ cleanup: String, by person: String) async throws(CurfewError) -> String? {
        let now = try await engine.serverClock().now
        let lease = engine.keys.lease(cleanup)
        guard let run = try await engine.redis.reply(to: RedisCommand("HGET", [lease, "run"])).string else {
            return nil
        }
        // Guarded by the run: one that ends meanwhile must not be followed by a hash that looks like a lease.
        var call = CommitCall(lease: nil, index: engine.keys.schedule, shared: [engine.keys.schedule])
        func tell(_ sink: inout some CommitSink) {
            let own = sink.key(lease)
            sink.check(.equals, own, field: .constant("run"), value: .own(sink.value(run)))
            sink.begin("HSET", own)
            sink.constant("cancel")
            sink.hole(sink.value(person))
        }
        var sink = StatementSink(index: .none)
        tell(&sink)
        _ = call.append(.new(sink.statement), member: cleanup) { tell(&$0) }
        let reply = try await engine.functions.call(call.command())
        guard try call.outcomes(of: reply) == [.made] else { return nil }
        await record(OperatorAction("cancel", by: person, cleanup: cleanup), run: run, at: now)
        return run
    }
}
