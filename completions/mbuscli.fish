# fish completion for mbuscli; for fish 3.1 and later.
function __mbuscli_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -l typed (string join \n -- $words "$current" | string collect)
    for line in (COMP_WORDS=$typed _MBUSCLI_COMPLETE=fish_complete $program 2>/dev/null)
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case word open
                if test -n "$parts[3]"
                    printf '%s\t%s\n' $parts[2] $parts[3]
                else
                    printf '%s\n' $parts[2]
                end
            case file
                set -l option (string match -r -- '^--[^=]*=' "$current")
                __fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current") | string replace -r '^' -- "$option"
        end
    end
end

complete --command mbuscli --no-files --keep-order --arguments '(__mbuscli_complete)'
