# Reads what `go test -v` prints: passes it on, and ends with `N passed, N failed`. A test of parts is no test itself,
# unless it failed outside of them.
{ print }
/^ *--- (PASS|FAIL): / {
  verdict[$3] = $2
  for (name = $3; sub(/\/[^\/]*$/, "", name); ) {
    has_parts[name] = 1
    if ($2 == "FAIL:") has_failed_part[name] = 1
  }
}
END {
  for (name in verdict) {
    if (verdict[name] == "FAIL:" && !has_failed_part[name]) failed++
    else if (!has_parts[name]) passed++
  }
  print passed + 0 " passed, " failed + 0 " failed"
}
