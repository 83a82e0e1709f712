extension RedisClient {
    /// The replies to commands that are on their way.
    package struct PendingReplies: Sendable {
        private enum Source {
            case nobody
            case node(RedisRequest, RedisNode)
            case cluster(ClusterRequest)
        }

        private let source: Source

        /// The replies to no command.
        static let none = PendingReplies(source: .nobody)

        /// Those of one server.
        static func of(_ request: RedisRequest, on node: RedisNode) -> PendingReplies {
            PendingReplies(source: .node(request, node))
        }

        /// Those of the nodes of a cluster.
        static func of(_ request: ClusterRequest) -> PendingReplies {
            PendingReplies(source: .cluster(request))
        }

        var request: RedisRequest? {
            if case .node(let request, _) = source { request } else { nil }
        }

        var clusterRequest: ClusterRequest? {
            if case .cluster(let request) = source { request } else { nil }
        }

        /// How long they took from the socket and back, once they are there, whenever they are waited for.
        ///
        /// In a cluster from the first that went out to the last that came, without what was sent on elsewhere.
        package var elapsed: Duration {
            if case .cluster(let request) = source { return request.elapsed }
            guard let request, let written = request.writtenAt, let finished = request.finishedAt else { return .zero }
            return written.duration(to: finished)
        }

        /// The same without the time in which those others, sent before to the same server, were not answered yet.
        ///
        /// In a cluster the others don't count.
        package func elapsed(after others: PendingReplies?) -> Duration {
            guard let finished = request?.finishedAt, let before = others?.request?.finishedAt else { return elapsed }
            return min(elapsed, before.duration(to: finished))
        }

        /// Waits for all of them; see ``RedisClient/pipeline(_:deadline:)``.
        package func replies() async throws(RedisError) -> [RedisValue] {
            switch source {
            case .nobody: []
            case .node(let request, _): try await request.outcome()
            case .cluster(let request): try await request.outcome().replies
            }
        }

        /// Waits for the reply to the only command; an error that the server answered is thrown.
        func onlyReply(to command: RedisCommand) async throws(RedisError) -> RedisValue {
            let reply: RedisValue
            let place: String?
            var hint = ""
            switch source {
            case .nobody: return .null
            case .node(let request, let node):
                reply = try await request.outcome()[0]
                place = node.place
            case .cluster(let request):
                let answers = try await request.outcome()
                (reply, place) = (answers.replies[0], answers.addresses[0]?.description)
                if reply.error?.code == "CLUSTERDOWN", let gap = request.gap { hint = ": \(gap)" }
            }
            guard let error = reply.error else { return reply }
            if error.code == "CROSSSLOT" {
                hint = " (in a cluster the keys of one command share what stands between { and })"
            }
            throw RedisError(
                .server, error.message + hint, command: command.name, address: place, server: error)
        }
    }
}
