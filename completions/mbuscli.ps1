# PowerShell completion for mbuscli; for Windows PowerShell 5.1 and PowerShell 7.
# Add to the file that $PROFILE names:  . /path/to/mbuscli.ps1
Register-ArgumentCompleter -Native -CommandName mbuscli, mbuscli.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @(
        foreach ($element in $commandAst.CommandElements) {
            if ($element.Extent.EndOffset -ge $cursorPosition) { break }
            if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $element.Value
            } else {
                $element.Extent.Text
            }
        }
    )
    $program = $words[0]
    $words += $wordToComplete
    $before = @{
        _MBUSCLI_COMPLETE = $env:_MBUSCLI_COMPLETE
        COMP_WORDS = $env:COMP_WORDS
    }
    $encoding = [Console]::OutputEncoding
    try {
        $env:_MBUSCLI_COMPLETE = 'powershell_complete'
        $env:COMP_WORDS = $words -join "`n"
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
        $lines = @(& $program 2>$null)
    } finally {
        $env:_MBUSCLI_COMPLETE = $before['_MBUSCLI_COMPLETE']
        $env:COMP_WORDS = $before['COMP_WORDS']
        [Console]::OutputEncoding = $encoding
    }
    foreach ($line in $lines) {
        $kind, $value, $help = $line -split "`t"
        if ($kind -eq 'file') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($value)
        } else {
            $text = $value
            if ($value -match '[\s''",;(){}$&|]') { $text = "'" + ($value -replace "'", "''") + "'" }
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
        }
    }
}
