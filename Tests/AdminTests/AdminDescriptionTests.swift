import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

/// The description is kept true: every route is in it, every operation of it is driven, every answer is of its form.
@Suite("The OpenAPI description", .tags(.ownServer))
struct AdminDescriptionTests {
    private static func document() throws -> [String: Any] {
        let data = Data(OpenAPI.document.readableBytesView)
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Every operation: method, path, and what is said of it.
    private static func operations() throws -> [(method: String, path: String, content: [String: Any])] {
        let paths = try #require(try document()["paths"] as? [String: [String: [String: Any]]])
        return paths.sorted { $0.key < $1.key }.flatMap { path, methods in
            methods.sorted { $0.key < $1.key }.map { ($0.key.uppercased(), path, $0.value) }
        }
    }

    @Test("it describes every route of the API, and no other")
    func routes() async throws {
        try await withAdmin { scene in
            let router = AdminRouter.make(
                AdminService(source: scene.source), Access(source: scene.source), nil,
                connections: Connections(logger: scene.engine.logger))
            let routes = router.routes.filter { ![.head, .options, .trace].contains($0.method) }
                .map { (method: $0.method, path: $0.path.description) }
            // A method that is answered with 405 is none that a description would name.
            let served = try await Application(router: router).test(.router) { client in
                var served: Set<String> = []
                for route in routes {
                    let path = route.path.replacing(/\{[^}]*\}/, with: "x")
                    let status = try await client.ask(route.method, path, token: nil).status
                    if status != 405 { served.insert("\(route.method) \(route.path)") }
                }
                return served
            }
            #expect(try served == Set(Self.operations().map { "\($0.method) \($0.path)" }))
        }
    }

    @Test("every operation answers as it says, also to nobody, to hostile names and to wrong bodies")
    func operations() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.live) { client in
                let schemas = try OpenAPISchemas(Self.document())
                let run = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").json
                let id = try #require((run["result"] as? [String: Any])?["run"] as? String)
                let job = try await Self.endedJob(client)
                // Something that no file has any more, to be forgotten.
                try await scene.send("ZADD", scene.engine.keys.schedule, "0", "gone")
                for operation in try Self.operations() {
                    let method = try #require(HTTPRequest.Method(operation.method))
                    let place = "\(operation.method) \(operation.path)"
                    for (name, runID, body, token) in [
                        ("stuck-jobs", id, Self.body(operation.path), AdminScene.admin),
                        ("none", "none-1", Self.body(operation.path), AdminScene.admin),
                        ("%00%FF%2F..%2F%7B%7D", "%22%0A", Self.body(operation.path), AdminScene.admin),
                        ("stuck-jobs", id, "{\"\\u0000\": [}", AdminScene.admin),
                        ("stuck-jobs", id, "{\"x\": 1}", AdminScene.viewer), ("stuck-jobs", id, "{}", nil),
                    ] {
                        let isValid = token == AdminScene.admin && body.hasSuffix("}") && name == "stuck-jobs"
                        let known = isValid && operation.path.hasSuffix("/forget") ? "gone" : name
                        let path = operation.path.replacing("{name}", with: known).replacing("{run}", with: runID)
                            .replacing("{id}", with: runID == id ? job : runID)
                        let question = operation.path.hasSuffix("/records") ? "?id=a" : ""
                        let sent = method == .post ? body : nil
                        let answer = try await client.ask(method, path + question, token: token, sent)
                        #expect(answer.status < 500, "\(place): \(answer.text)")
                        if name == "stuck-jobs", token == AdminScene.admin, sent != "{\"\\u0000\": [}" {
                            #expect(answer.status == 200, "\(place): \(answer.text)")
                        }
                        let problems = try schemas.problems(of: answer, as: operation.content)
                        #expect(problems.isEmpty, "\(place) \(answer.status): \(problems) \(answer.text)")
                    }
                }
            }
        }
    }

    /// The id of a job that has ended.
    private static func endedJob(_ client: some TestClientProtocol) async throws -> String {
        let begun = try await client.ask(.post, "/api/jobs/run?wait=false", "{\"job_type\": \"cleanup\"}").json
        let id = try #require(begun["id"] as? String)
        try await eventually("the job has ended") {
            try await client.ask(.get, "/api/jobs/\(id)").json["status"] as? String == "completed"
        }
        return id
    }

    private static func body(_ path: String) -> String {
        if path.hasSuffix("/pause") { return "{\"why\": \"a test\"}" }
        if path.hasSuffix("/runs") || path.hasSuffix("jobs/cleanup") { return "{\"dryRun\": true}" }
        return path.hasSuffix("jobs/run") ? "{\"job_type\": \"cleanup\"}" : "{}"
    }
}

/// As much of JSON Schema as the description uses: types, required and known members, constants and words.
struct OpenAPISchemas {
    private let components: [String: Any]

    init(_ document: [String: Any]) throws {
        components = try #require(document["components"] as? [String: Any])
    }

    /// What of an answer isn't as an operation says.
    func problems(of answer: AdminScene.Answer, as operation: [String: Any]) throws -> [String] {
        let responses = operation["responses"] as? [String: [String: Any]] ?? [:]
        guard var response = responses[String(answer.status)] else { return ["the status is not described"] }
        if let reference = response["$ref"] as? String { response = try self.reference(reference) }
        let content = try #require(response["content"] as? [String: [String: Any]])
        let type = (answer.headers[.contentType] ?? "").split(separator: ";").first.map(String.init) ?? ""
        guard let schema = content[type]?["schema"] as? [String: Any] else { return ["\(type) is not described"] }
        guard type == "application/json" else { return [] }
        return try problems(of: try answer.json, schema, at: "$")
    }

    private func reference(_ path: String) throws -> [String: Any] {
        let parts = path.split(separator: "/").dropFirst(2)
        var place: Any = components
        for part in parts { place = try #require((place as? [String: Any])?[String(part)], "\(path)") }
        return try #require(place as? [String: Any])
    }

    private func problems(of value: Any, _ schema: [String: Any], at place: String) throws -> [String] {
        if let path = schema["$ref"] as? String { return try problems(of: value, reference(path), at: place) }
        if let all = schema["allOf"] as? [[String: Any]] {
            return try all.flatMap { try problems(of: value, $0, at: place) }
        }
        if let any = schema["anyOf"] as? [[String: Any]] {
            let found = try any.map { try problems(of: value, $0, at: place) }
            return found.contains { $0.isEmpty } ? [] : found.flatMap { $0 }
        }
        switch schema["type"] as? String {
        case "object": return try object(value, schema, at: place)
        case "array":
            guard let items = value as? [Any], let schema = schema["items"] as? [String: Any] else {
                return ["\(place) is no array"]
            }
            return try items.enumerated().flatMap { try problems(of: $1, schema, at: "\(place)[\($0)]") }
        case "string":
            guard let text = value as? String else { return ["\(place) is no text"] }
            let words = (schema["enum"] as? [String]) ?? (schema["const"] as? String).map { [$0] }
            return words.map { $0.contains(text) ? [] : ["\(place) is “\(text)”"] } ?? []
        case "number": return value is NSNumber ? [] : ["\(place) is no number"]
        case "integer": return (value as? NSNumber)?.int64Value != nil ? [] : ["\(place) is no whole number"]
        case "boolean":
            guard let flag = value as? Bool else { return ["\(place) is no flag"] }
            return (schema["const"] as? Bool).map { $0 == flag ? [] : ["\(place) is \(flag)"] } ?? []
        default: return ["\(place) has no type"]
        }
    }

    private func object(_ value: Any, _ schema: [String: Any], at place: String) throws -> [String] {
        guard let members = value as? [String: Any] else { return ["\(place) is no object"] }
        let known = schema["properties"] as? [String: [String: Any]] ?? [:]
        let required = schema["required"] as? [String] ?? []
        var problems = required.filter { members[$0] == nil }.map { "\(place).\($0) is missing" }
        for (name, member) in members {
            if let schema = known[name] ?? (schema["additionalProperties"] as? [String: Any]) {
                problems += try self.problems(of: member, schema, at: "\(place).\(name)")
            }
        }
        return problems
    }
}
