import HTTPTypes
import HummingbirdTesting
import TestNeeds
import Testing

@testable import Admin

@Suite("Wrong tokens over HTTP", .tags(.ownServer))
struct AdminAttemptsTests {
    @Test("ten of an address are looked at, more are turned away; a right one is let in all the same")
    func tooMany() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                for _ in 0..<FailedAttempts.most {
                    #expect(try await client.ask(.get, "/api/v1/runs", token: "wrong").status == 401)
                }
                for path in ["/api/v1/runs", "/metrics", "/api/cron/stuck-jobs"] {
                    let answer = try await client.ask(.get, path, token: "wrong")
                    #expect(answer.status == 429)
                    #expect(answer.headers[.retryAfter].flatMap { Int($0) }.map { (1...60).contains($0) } == true)
                }
                #expect(try await client.ask(.get, "/api/v1/runs").status == 200)
                #expect(try await client.ask(.get, "/metrics", token: AdminScene.viewer).status == 200)
                #expect(try await client.ask(.get, "/api/cron/stuck-jobs", token: AdminScene.cron).status == 200)
                _ = try await DashboardSignInTests.cookie(client)
            }
        }
    }

    @Test("those of people who sign in are counted apart, and forms that are none with them")
    func apart() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/sign-in", token: nil)
                let fields = ["token": "wrong-token", "form_token": try DashboardSignInTests.formToken(in: page.text)]
                let headers = DashboardSignInTests.headers
                func send(_ body: String) async throws -> Int {
                    try await client.ask(.post, "/sign-in", token: nil, body, headers: headers).status
                }
                #expect(try await send(String(repeating: "a&", count: 2_000)) == 413)
                #expect(try await send(String(repeating: "a&", count: 40)) == 400)
                #expect(try await send("token=x&form_token=x") == 403)
                for _ in 3..<FailedAttempts.most { #expect(try await send(DashboardSignInTests.form(fields)) == 401) }
                #expect(try await send(DashboardSignInTests.form(fields)) == 429)
                #expect(try await send(String(repeating: "a&", count: 2_000)) == 429)
                #expect(try await client.ask(.get, "/api/v1/runs", token: "wrong").status == 401)
                _ = try await DashboardSignInTests.cookie(client)
            }
        }
    }

    private func spend(_ attempts: FailedAttempts, _ address: String, _ now: ContinuousClock.Instant) {
        for _ in 0..<FailedAttempts.most { #expect(attempts.add(address, now: now) == nil) }
    }

    @Test("they are counted by address, and forgotten a minute after the last")
    func time() {
        let attempts = FailedAttempts()
        let now = ContinuousClock.now
        spend(attempts, "10.0.0.1", now)
        #expect(attempts.isSpent("10.0.0.1", now: now) && !attempts.isSpent("10.0.0.2", now: now))
        #expect(attempts.isSpent("::ffff:10.0.0.1", now: now))
        let later = now.advanced(by: FailedAttempts.window / 2)
        #expect(attempts.add("10.0.0.1", now: later) == FailedAttempts.window)
        #expect(attempts.isSpent("10.0.0.1", now: now.advanced(by: FailedAttempts.window)))
        #expect(!attempts.isSpent("10.0.0.1", now: later.advanced(by: FailedAttempts.window)))
    }

    @Test("an address of version 6 is one of its network")
    func networks() {
        let attempts = FailedAttempts()
        let now = ContinuousClock.now
        for number in 0..<FailedAttempts.most { #expect(attempts.add("2001:db8::\(number + 1)", now: now) == nil) }
        #expect(attempts.isSpent("2001:db8::ffff", now: now) && !attempts.isSpent("2001:db8:0:1::1", now: now))
    }

    @Test("nobody is forgotten because others tried once, and there are never more than so many")
    func crowd() {
        let attempts = FailedAttempts()
        let now = ContinuousClock.now
        spend(attempts, "10.9.9.9", now)
        for number in 0..<2 * FailedAttempts.addresses {
            _ = attempts.add("10.1.\(number >> 8).\(number & 255)", now: now)
        }
        #expect(attempts.isSpent("10.9.9.9", now: now))
        #expect(attempts.count <= FailedAttempts.addresses)
    }
}
