internal import Foundation
internal import Policies
internal import RedisClient

/// The operations of people on cleanups.
///
/// They take effect on all instances, because they are written to Redis.
package struct Operations: Sendable {
    let engine: Engine

    /// Creates the operations.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// Pauses a cleanup on every instance until it is resumed.
    ///
    /// A current run continues.
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

    /// Asks the current run to stop after its page.
    ///
    /// Returns its id, or nil if there is none.
    package func cancel(_ cleanup: String, by person: String) async throws(CurfewError) -> String? {
        let now = try await engine.serverClock().now
        let lease = engine.keys.lease(cleanup)
        guard let run = try await engine.redis.reply(to: RedisCommand("HGET", [lease, "run"])).string else {
            return nil
        }
        // Guarded by the run: if it ends in the meantime, no hash that looks like a lease must remain.
        var call = CommitCall(lease: nil, index: engine.keys.schedule, shared: [engine.keys.schedule])
        func append(_ sink: inout some CommitSink) {
            let own = sink.key(lease)
            sink.check(.equals, own, field: .constant("run"), value: .own(sink.value(run)))
            sink.begin("HSET", own)
            sink.constant("cancel")
            sink.hole(sink.value(person))
        }
        var sink = StatementSink(index: .none)
        append(&sink)
        _ = call.append(.new(sink.statement), member: cleanup) { append(&$0) }
        let reply = try await engine.functions.call(call.command())
        guard try call.outcomes(of: reply) == [.made] else { return nil }
        await record(OperatorAction("cancel", by: person, cleanup: cleanup), run: run, at: now)
        return run
    }
}
