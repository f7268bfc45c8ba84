# A watcher on a Windows PC: hands the messenger's notifications to the hub.
#
# Needs Windows 10 or 11 with access to notifications allowed for PowerShell. The hub looks for
# nothing but its own canary's code in them, and keeps no text.
param(
    [Parameter(Mandatory)] [string] $Hub,
    [Parameter(Mandatory)] [string] $Token,
    [Parameter(Mandatory)] [string] $Watcher
)
Add-Type -AssemblyName System.Runtime.WindowsRuntime
$asTask = ([System.WindowsRuntimeSystemExtensions].GetMethods() | Where-Object {
        $_.Name -eq 'AsTask' -and $_.GetParameters().Count -eq 1 -and $_.IsGenericMethod
    })[0]
function Wait-For($Operation, $Type) {
    $task = $asTask.MakeGenericMethod($Type).Invoke($null, @($Operation))
    $task.Wait() | Out-Null
    $task.Result
}
$management = 'Windows.UI.Notifications.Management'
$listenerType = [Type]::GetType("$management.UserNotificationListener, $management, ContentType=WindowsRuntime")
$null = [Windows.UI.Notifications.UserNotification, Windows.UI.Notifications, ContentType = WindowsRuntime]
$listener = $listenerType::Current
$list = [System.Collections.Generic.IReadOnlyList[Windows.UI.Notifications.UserNotification]]
$headers = @{ Authorization = "Bearer $Token" }
$told = New-Object System.Collections.Generic.HashSet[string]

while ($true) {
    foreach ($one in (Wait-For ($listener.GetNotificationsAsync(1)) $list)) {
        $binding = $one.Notification.Visual.GetBinding('ToastGeneric')
        $text = ($binding.GetTextElements() | ForEach-Object Text) -join ' '
        foreach ($match in [regex]::Matches($text, '#ieum-[0-9a-f]{6}')) {
            if (-not $told.Add($match.Value)) { continue }
            $body = @{ text = $match.Value } | ConvertTo-Json
            Invoke-RestMethod -Method Post -TimeoutSec 5 -Headers $headers -Body $body `
                -ContentType 'application/json' -Uri "$Hub/v1/watchers/$Watcher/seen" | Out-Null
        }
    }
    if ($told.Count -gt 1000) { $told.Clear() }
    Start-Sleep -Seconds 1
}
