internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Logging
internal import RedisClient

/// Groups of runs that callers start without waiting, and ask about later.
extension AdminService {
    /// Begins to run cleanups one after the other; returns the id that every instance knows.
    ///
    /// Throws 503 if too many such groups are running on this instance.
    func begin(_ cleanups: [Cleanup], type: String, by person: String) async throws -> String {
        let engine = engine
        let group = try await background.begin {
            try await PublishedGroup.begin(engine, type: type, cleanups: cleanups, person: person)
        } body: { published in
            await self.run(published, cleanups, type: type, by: person)
        }
        return group.id
    }

    private func run(_ published: PublishedGroup, _ cleanups: [Cleanup], type: String, by person: String) async {
        let configuration = engine.configuration
        let group = await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await published.publish() }
            defer { tasks.cancelAll() }
            do {
                return try await runAll(cleanups, type: type, trigger: "manual", by: person, published: published)
            } catch {
                // A published group is never thrown; it has failed in any case.
                var failed = GroupOfRuns()
                failed.note(failure: error)
                for cleanup in cleanups { failed.leaveOut(cleanup, because: "\(error)") }
                return failed
            }
        }
        await published.end(group, result: text(group.jobAnswer(configuration), of: published.id))
    }

    /// The answer as it is kept; empty if it can't be written, which the log says.
    private func text(_ answer: GroupOfRuns.JobAnswer, of id: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(answer), as: UTF8.self)
        } catch {
            engine.logger.error("the answer of a job was not kept", metadata: ["job": "\(id)", "error": "\(error)"])
            return ""
        }
    }

    /// The answer of `GET /api/jobs/{id}`.
    struct JobState: Encodable {
        var id: String
        var job_type: String
        var status: String
        var progress: Int
        var step: String
        var cleanup: String?
        var instance: String
        var started_by: String
        var started_at: String
        var ended_at: String?
        var error: String?
        var result: GroupOfRuns.JobAnswer?

        init(_ group: GroupState) throws {
            (id, job_type, status) = (group.id, group.type, group.status.rawValue)
            (progress, step) = (group.place.percent, group.place.step)
            cleanup = group.cleanup.isEmpty ? nil : group.cleanup
            (instance, started_by) = (group.instance, group.person)
            (started_at, ended_at, error) = (group.began.iso8601, group.ended?.iso8601, group.error)
            guard let text = group.result, !text.isEmpty else { return }
            result = try JSONDecoder().decode(GroupOfRuns.JobAnswer.self, from: Data(text.utf8))
            result?.status = status
        }
    }

    /// The state of a group; throws 404 if there is none of that id, or none any more.
    func job(_ id: String) async throws -> JobState {
        guard let group = try await GroupState.read(id, engine) else { throw Self.unknown(job: id) }
        return try JobState(group)
    }

    /// The answer of `POST /api/jobs/{id}/cancel`.
    struct JobDone: Encodable {
        var success: Bool
        var message: String
        var id: String
    }

    /// Asks a group to stop, on whichever instance it runs; throws 404 like ``job(_:)``.
    func cancel(job id: String, by person: String) async throws -> JobDone {
        guard let answer = try await Control(engine: engine, person: person).cancel(group: id) else {
            throw Self.unknown(job: id)
        }
        return JobDone(success: answer.isDone, message: answer.message, id: id)
    }

    private static func unknown(job id: String) -> AdminError {
        let hours = GroupState.kept / .seconds(3_600)
        return AdminError(
            .notFound,
            "there is no job “\(id)”: expected an id that POST /api/jobs/run?wait=false answered within the last "
                + "\(Int(hours)) hours")
    }
}
